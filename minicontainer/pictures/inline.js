{
  const image = document.currentScript.previousElementSibling.firstElementChild;
  const bytes = Uint8Array.from(atob(image.src.split(",")[1]), (byte) => byte.charCodeAt(0));
  const text = new TextDecoder().decode(bytes);
  const drawing = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  image.replaceWith(document.importNode(drawing, true));
}
