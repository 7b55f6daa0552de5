// Pieces that several views show.
import { kindOf, words } from "./format.js";
import { h, svg } from "./render.js";

/** Each kind of state has a shape as well as a colour. */
const SHAPES = {
    good: svg("circle", { cx: 5, cy: 5, r: 4 }),
    busy: svg("path", { d: "M5 1 A4 4 0 1 1 1 5 L5 5 Z" }),
    bad: svg("path", { d: "M5 0.6 L9.6 9 L0.4 9 Z" }),
    quiet: svg("rect", { x: 1.5, y: 1.5, width: 7, height: 7, class: "hollow" }),
};

export function sign(kind) {
    return svg(`svg.sign.${kind}`, { viewBox: "0 0 10 10", "aria-hidden": "true" }, SHAPES[kind]);
}

export function state(name) {
    const kind = kindOf(name);
    return h(`span.state.${kind}`, null, sign(kind), words(name));
}

/** A line that says why something is as it is. */
export function why(label, ...text) {
    return h("div.why", null, h("dt", null, label), h("dd", null, ...text));
}

/** A part of the page that has nothing to show, and why. */
export function empty(title, ...text) {
    return h("div.empty", null, h("p.title", null, title), text.length ? h("p", null, ...text) : null);
}

/** What an answer says when it is none. */
export function failure(what, error) {
    if (error.status === 501) return empty(`${what} are not available`, `The server says: ${error.message}.`);
    return h("div.empty.bad", { role: "alert" }, h("p.title", null, `${what} could not be read`), h("p", null, error.message));
}

/** A bar of the shares of something. `parts` are `{ name, value, text }`; the legend says what the bar shows. */
export function shares(parts, className) {
    const total = parts.reduce((sum, part) => sum + part.value, 0);
    let x = 0;
    const rects = parts.map((part, index) => {
        const width = total > 0 ? (100 * part.value) / total : 0;
        const rect = svg(`rect.share${index}`, { x: x.toFixed(2), y: 0, width: width.toFixed(2), height: 10 });
        x += width;
        return rect;
    });
    return h(`span.shares.${className}`, null,
        svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, rects),
        h("span.legend", null, parts.filter((part) => part.value > 0 && part.text).map((part) =>
            h("span.part", { key: part.name }, h(`i.share${parts.indexOf(part)}`, { "aria-hidden": "true" }), part.text))));
}

/** A bar that is filled to a share between 0 and 1. */
export function meter(share) {
    const width = Math.round(100 * Math.min(1, Math.max(0, share || 0)));
    return svg("svg.meter", { viewBox: "0 0 100 6", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("rect.track", { width: 100, height: 6 }), svg("rect.fill", { width, height: 6 }));
}

/** A table whose cells know their column, which narrow screens show beside them; a wide one has a line there. */
export function table(label, columns, rows, className = "plain") {
    const head = columns.map(({ name, isNumber }) => h(`th${isNumber ? ".number" : ""}`, { scope: "col" }, name));
    const body = rows.map(({ key, cells, note }) => [
        h("tr", { key }, cells.map((cell, index) => {
            const { name, isNumber, isWide } = columns[index];
            const attributes = { "data-name": name };
            const content = cell === null || cell === undefined || cell === "" ? h("span.none", null, "–") : cell;
            const classes = (isNumber ? ".number" : "") + (isWide ? ".wide" : "") + (content === cell ? "" : ".blank");
            return index === 0 ? h(`th${classes}`, { scope: "row", ...attributes }, content) : h(`td${classes}`, attributes, content);
        })),
        note ? h("tr.note", { key: `${key} note` }, h("td", { colspan: columns.length }, note)) : null,
    ]);
    return h("div.scroll", null, h(`table.${className}`, { "aria-label": label },
        h("thead", null, h("tr", null, head)), h("tbody", null, body)));
}

export function button(text, label, onClick, className = "") {
    return h(`button${className ? `.${className}` : ""}`, { type: "button", "aria-label": label, onClick }, text);
}
