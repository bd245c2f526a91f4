// Makes elements. Texts become text nodes, so that nothing in the data can become markup.

// h returns an element with properties ("class", "onclick", "aria-label", …) and children: elements, texts, or lists
// of them. Children that are null or false are left out.
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

// s is h for SVG.
export function s(tag, properties, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

// show replaces an element's children, unless they look the same already. The focus stays on the element with the same
// data-key, so that an update does not disturb those who use a keyboard.
export function show(element, ...children) {
  const next = h('div', null, children);
  if (next.innerHTML === element.innerHTML) return;
  const key = element.contains(document.activeElement) && document.activeElement.dataset.key;
  element.replaceChildren(...next.childNodes);
  if (key) element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}
