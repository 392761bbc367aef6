"use strict";
// Of a page that is served: says when the runs have something new, which a reload shows, and reloads by itself if asked to.
(() => {
  const shown = document.body.dataset.state, wait = 5000;
  const box = document.createElement("label"), own = document.createElement("input"), button = document.createElement("button");
  const say = document.createElement("span");
  own.type = "checkbox";
  own.checked = sessionStorage.getItem("follow") === "yes";
  own.addEventListener("change", () => sessionStorage.setItem("follow", own.checked ? "yes" : "no"));
  box.append(own, " follow");
  button.textContent = "Show what is new";
  button.hidden = true;
  button.addEventListener("click", () => location.reload());
  say.id = "served";
  say.append(box, " ", button);
  document.querySelector("header").append(say);

  async function ask() {
    try {
      const answer = await fetch("state", { cache: "no-store" });
      const fresh = answer.ok && (await answer.text()) !== shown;
      if (fresh && own.checked) location.reload();
      button.hidden = !fresh;
    } catch {
      button.hidden = true; // the server has ended; the page stays as it is
    }
    setTimeout(ask, wait);
  }
  setTimeout(ask, wait);
})();
