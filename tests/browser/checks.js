// What a reader would meet as a defect, found in a page that is open in a browser. Every check
// returns a list of sentences, empty for a sound page; test_checks.py makes each of them fail.
globalThis.checks = (() => {
  const excerpt = (text) => JSON.stringify(text.trim().replace(/\s+/g, " ").slice(0, 60));
  const name = (element) =>
    `<${element.tagName.toLowerCase()}${element.id ? ` id="${element.id}"` : ""}> ` +
    excerpt(element.textContent || element.getAttribute("src") || "");
  const ASIDE = "nav, aside, #quarto-margin-sidebar";
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({ visibilityProperty: true }) && box.width > 1 && box.height > 1;
  };

  function images() {
    return all("img").flatMap((image) => {
      const source = image.getAttribute("src");
      const decorative = image.getAttribute("role") === "presentation" ||
        image.getAttribute("aria-hidden") === "true";
      const found = [];
      if (!image.complete || !image.naturalWidth) found.push(`the image ${source} is broken`);
      if (!decorative && !(image.getAttribute("alt") || "").trim()) {
        found.push(`the image ${source} has no alternative text`);
      }
      return found;
    });
  }

  // Text outside of code: what Quarto leaves behind where something did not resolve.
  function leftovers() {
    const marks = ["?@", "{python}", "{{<", "<IPython.core", "<Figure size"];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement.closest("script, style, template")) continue;
      const marked = marks.filter((mark) => node.data.includes(mark));
      // A listing may quote source; an object printed instead of shown stands in a listing.
      const quoted = node.parentElement.closest("pre");
      for (const mark of marked) {
        if (!quoted || mark.startsWith("<")) found.push(`${mark} stands in ${excerpt(node.data)}`);
      }
    }
    return found;
  }

  // Nothing leads into the head, where Quarto gives a style sheet and its dark twin one id.
  function identifiers() {
    const ids = all("body [id]").map((element) => element.id);
    const twice = ids.filter((id, place) => ids.indexOf(id) !== place);
    return [...new Set(twice)].map((id) => `two elements have the id ${id}`);
  }

  // The outline of the page itself; a navigation or a margin has a heading of its own, and no place
  // in it. Quarto's margin is a plain div.
  function headings() {
    const found = [];
    const listed = all("h1, h2, h3, h4, h5, h6")
      .filter((heading) => shown(heading) && !heading.closest(ASIDE));
    const titles = listed.filter((heading) => heading.tagName === "H1");
    if (titles.length !== 1) found.push(`${titles.length} headings of level 1, not one`);
    let previous = 0;
    for (const heading of listed) {
      const level = Number(heading.tagName[1]);
      if (level > previous + 1) found.push(`${name(heading)} comes after level ${previous}`);
      previous = level;
    }
    return found;
  }

  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);

  function scrollingParent(element) {
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      if (scrolls(box)) return box;
    }
    return null;
  }

  // Nothing makes the page itself scroll sideways; what is too wide scrolls within its own box.
  function overflow() {
    const width = document.documentElement.clientWidth;
    const found = [];
    if (document.documentElement.scrollWidth > width + 1) {
      found.push(`the page is ${document.documentElement.scrollWidth} px wide in ${width} px`);
    }
    for (const element of all("body *")) {
      if (!shown(element) || element.closest("svg, math, .skip, .visually-hidden")) continue;
      const parent = element.parentElement;
      const box = element.getBoundingClientRect();
      const outside = box.right > width + 1 || box.left < -1;
      if (outside && !scrollingParent(parent)) found.push(`${name(element)} leaves the page`);
    }
    for (const cell of all("td, th").filter(shown)) {
      if (cell.scrollWidth > cell.clientWidth + 1 && !scrolls(cell)) {
        found.push(`${name(cell)} is wider than its cell`);
      }
    }
    return found;
  }

  const colour = (text) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 1;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = text;
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
    return { rgb: [red, green, blue], alpha: alpha / 255 };
  };
  const known = new Map();
  const parsed = (text) => {
    if (!known.has(text)) known.set(text, colour(text));
    return known.get(text);
  };
  const over = (front, back) =>
    front.rgb.map((value, i) => front.alpha * value + (1 - front.alpha) * back[i]);

  function background(element) {
    const layers = [];
    for (let box = element; box; box = box.parentElement) {
      const layer = parsed(getComputedStyle(box).backgroundColor);
      layers.push(layer);
      if (layer.alpha === 1) break;
    }
    return layers.reverse().reduce((back, layer) => over(layer, back), canvas());
  }

  // What lies under a page without a background: dark where the page says that it knows the dark.
  function canvas() {
    const probe = document.body.appendChild(document.createElement("div"));
    probe.style.backgroundColor = "Canvas";
    const { rgb } = parsed(getComputedStyle(probe).backgroundColor);
    probe.remove();
    return rgb;
  }

  // Relative luminance and contrast ratio: WCAG 2.2, section "Terms".
  const luminance = (rgb) => {
    const [red, green, blue] = rgb.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ratio = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };

  function contrast(least) {
    const found = new Map();
    for (const element of all("body *")) {
      if (element.closest("svg, script, style") || !shown(element)) continue;
      const own = [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      if (!own || element.closest(":disabled")) continue;
      const style = getComputedStyle(element);
      const back = background(element);
      const front = parsed(style.color);
      let opacity = front.alpha;
      for (let box = element; box; box = box.parentElement) {
        opacity *= Number(getComputedStyle(box).opacity);
      }
      const value = ratio(over({ rgb: front.rgb, alpha: opacity }, back), back);
      const kind = `${style.color} on rgb(${back.map(Math.round).join(", ")})`;
      if (value < least && !found.has(kind)) {
        found.set(kind, `${name(element)} has contrast ${value.toFixed(2)} (${kind})`);
      }
    }
    return [...found.values()];
  }

  // Figures are drawn in dark ink for white paper, and keep it whatever the colour scheme.
  function figures(least) {
    return all("main img, #quarto-content img").filter(shown)
      .map((image) => [image, ratio(background(image), [0, 0, 0])])
      .filter(([, value]) => value < least)
      .map(([image, value]) =>
        `the figure ${image.getAttribute("src")} has contrast ${value.toFixed(1)} to its ink`);
  }

  const places = () => ({
    ids: all("[id]").map((element) => element.id)
      .concat(all("a[name]").map((element) => element.name)),
    links: all("a[href]").map((link) => link.getAttribute("href")),
  });

  return { images, leftovers, identifiers, headings, overflow, contrast, figures, places };
})();
