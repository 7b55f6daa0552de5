// Describes elements and brings a part of the page to a description: what is there already stays, so that focus,
// selections and what is opened survive each update. Texts become text nodes and never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("td.number", { title: "…" }, "text", …)`. Empty children (null, false, "") are left out. */
export function h(tag, attributes, ...children) {
    const [name, ...classes] = tag.split(".");
    return { name, classes: classes.join(" "), attributes: attributes ?? {}, children: flattened(children), space: null };
}

/** The same as an element of a drawing. */
export function svg(tag, attributes, ...children) {
    return { ...h(tag, attributes, ...children), space: SVG };
}

function flattened(children) {
    return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "")
        .map((child) => (typeof child === "object" ? child : String(child)));
}

/** Makes the children of a container those that are described. */
export function render(container, ...children) {
    update(container, flattened(children));
}

function update(parent, wanted) {
    const old = new Map();
    const unnamed = [];
    for (const node of [...parent.childNodes]) {
        if (node.swerveKey !== undefined) old.set(node.swerveKey, node);
        else unnamed.push(node);
    }
    const nodes = wanted.map((child) => taken(child, old, unnamed));
    // Before anything is placed: a node that moves loses the focus.
    for (const node of [...old.values(), ...unnamed]) node.remove();
    let place = parent.firstChild;
    nodes.forEach((node, index) => {
        if (node === place) place = place.nextSibling;
        else parent.insertBefore(node, place);
        const child = wanted[index];
        if (typeof child === "object") change(node, child);
        else if (node.data !== child) node.data = child;
    });
}

/** A node that is there already and fits, or a new one. */
function taken(child, old, unnamed) {
    if (typeof child === "string") {
        const index = unnamed.findIndex((node) => node.nodeType === Node.TEXT_NODE);
        return index >= 0 ? unnamed.splice(index, 1)[0] : document.createTextNode(child);
    }
    const key = child.attributes.key;
    if (key !== undefined) {
        const node = old.get(key);
        if (node && node.localName === child.name) {
            old.delete(key);
            return node;
        }
    } else {
        const index = unnamed.findIndex((node) => node.localName === child.name);
        if (index >= 0) return unnamed.splice(index, 1)[0];
    }
    const node = child.space ? document.createElementNS(child.space, child.name) : document.createElement(child.name);
    if (key !== undefined) node.swerveKey = key;
    return node;
}

function change(node, child) {
    const before = node.swerveAttributes ?? {};
    const after = { ...child.attributes };
    if (child.classes) after.class = after.class ? `${child.classes} ${after.class}` : child.classes;
    for (const name of Object.keys(before)) {
        if (!(name in after)) assign(node, name, undefined);
    }
    for (const [name, value] of Object.entries(after)) {
        if (before[name] !== value || typeof value === "function") assign(node, name, value);
    }
    node.swerveAttributes = after;
    update(node, child.children);
}

function assign(node, name, value) {
    if (name === "key") return;
    if (name.startsWith("on")) {
        const type = name.slice(2).toLowerCase();
        node.swerveHandlers ??= {};
        if (!(type in node.swerveHandlers)) node.addEventListener(type, (event) => node.swerveHandlers[type]?.(event));
        node.swerveHandlers[type] = value;
    } else if (value === undefined || value === null || value === false) {
        node.removeAttribute(name);
    } else {
        node.setAttribute(name, value === true ? "" : String(value));
    }
}
