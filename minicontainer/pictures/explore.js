{
  const root = document.currentScript.previousElementSibling;
  const panels = root.querySelector(".mc-panels");
  panels.insertAdjacentHTML("afterend", panels.textContent);
  const open = (button) => {
    const wanted = button.dataset.open;
    for (const section of root.querySelectorAll("section[data-panel]"))
      section.hidden = section.dataset.panel !== wanted;
    for (const node of root.querySelectorAll("g[data-open]")) {
      node.classList.toggle("mc-chosen", node.dataset.open === wanted);
      node.setAttribute("aria-pressed", node.dataset.open === wanted);
    }
  };
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-open]");
    if (button) open(button);
  });
  root.addEventListener("keydown", (event) => {
    const button = event.target.closest("[data-open]");
    if (!button || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    open(button);
  });
}
