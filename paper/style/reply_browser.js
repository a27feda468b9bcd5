// Shows the pairs that fit the controls. Without this script all pairs are shown and no controls.
(() => {
  const browser = document.querySelector(".transcripts");
  const controls = browser.querySelector("form");
  const shown = browser.querySelector(".shown");
  const items = [...browser.querySelectorAll(".transcripts-item")].map((section) => ({
    section,
    question: (section.querySelector(".question")?.textContent ?? "").toLowerCase(),
    pairs: [...section.querySelectorAll("article")].map((pair) => ({
      pair,
      replies: [...pair.querySelectorAll("pre")].map((said) => said.textContent).join("\n").toLowerCase(),
    })),
  }));

  function apply() {
    const { words, model, test, outcome } = controls.elements;
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { section, question, pairs } of items) {
      let left = 0;
      for (const { pair, replies } of pairs) {
        const fits =
          (!model.value || pair.dataset.model === model.value) &&
          (!test.value || pair.dataset.test === test.value) &&
          (!outcome.value || pair.dataset.outcome === outcome.value) &&
          wanted.every((word) => replies.includes(word) || question.includes(word));
        pair.hidden = !fits;
        left += fits;
      }
      section.hidden = left === 0;
      count += left;
    }
    shown.textContent = count;
  }

  let waiting;
  controls.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 150);
  });
  controls.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  controls.addEventListener("reset", () => setTimeout(apply));
  controls.hidden = false;
  apply();
})();
