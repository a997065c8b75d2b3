const slides = [...document.querySelectorAll("main > section")];
const notes = document.getElementById("notes");
let now = 0;
function show(number) {
  now = Math.min(Math.max(number, 0), slides.length - 1);
  slides.forEach((slide, at) => slide.classList.toggle("now", at === now));
  const { minutes, notes: text } = slides[now].dataset;
  notes.textContent = `${now + 1}/${slides.length} · ${minutes} min · ${text}`;
  history.replaceState(null, "", `#${now + 1}`);
}
function fit() {
  const scale = Math.min(innerWidth / 1280, innerHeight / 720);
  document.documentElement.style.setProperty("--scale", scale);
}
const keys = {
  ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, Enter: 1,
  ArrowLeft: -1, ArrowUp: -1, PageUp: -1, Backspace: -1,
};
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in keys) show(now + keys[event.key]);
  else if (event.key === "Home") show(0);
  else if (event.key === "End") show(slides.length - 1);
  else if (event.key === "n") notes.hidden = !notes.hidden;
  else if (event.key === "f") document.documentElement.requestFullscreen?.();
  else return;
  event.preventDefault();
});
addEventListener("click", (event) => show(now + (event.clientX < innerWidth / 4 ? -1 : 1)));
addEventListener("hashchange", () => show(Number(location.hash.slice(1)) - 1));
addEventListener("resize", fit);
fit();
show(Number(location.hash.slice(1) || 1) - 1);
