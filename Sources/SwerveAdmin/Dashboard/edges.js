// What the edges of a graph show: labels on the arrows, and a table.
import { isOutside, outside } from "./calls.js";
import { number } from "./format.js";
import { table } from "./parts.js";
import { h, svg } from "./render.js";

/**
 * Where ranks are columns, a label between them has a line for each part, and one beside boxes has one line. Where they are
 * rows, all labels are between them and have one line. `room` is what the drawing leaves for labels: between ranks, and
 * beside calls back. Labels take no less than `width`, so that they stay where they are while numbers change.
 */
export const FORMS = {
    columns: { room: { step: 126, margin: 0 }, width: 78, isOneLine: false },
    rows: { room: { step: 76, margin: 36 }, width: 112, isOneLine: true },
};
const LINE = 15;
const CHARACTER = 6.8;

const edgeOf = (line, edges) => edges.find((edge) => edge.from === line.from && edge.to === line.to);

/** Rate, latency, and errors if there are any. None if nothing was measured. */
function parts(point) {
    if (point?.requests_per_s === undefined) return [];
    return [
        `${number(point.requests_per_s)}/s`,
        point.p50_ms === undefined ? null : `p50 ${number(point.p50_ms)} ms`,
        point.errors_per_s > 0 ? `${number(point.errors_per_s)} errors/s` : null,
    ].filter(Boolean);
}

/** The labels of lines with their places. Edges of which nothing was measured have none. */
export function labels(lines, edges, form, boxes) {
    return placed(lines.flatMap((line) => {
        const { point } = edgeOf(line, edges);
        const all = parts(point);
        if (all.length === 0) return [];
        const isBeside = !form.isOneLine && line.lane;
        const texts = form.isOneLine || isBeside ? [all.join(" · ")] : all;
        const shown = Math.max(...texts.map((text) => text.length * CHARACTER)) + 4;
        return [{
            ...line, texts, shown, places: isBeside ? [line.lane] : line.places, isFailing: point.errors_per_s > 0,
            width: Math.max(form.width, shown), height: Math.max(form.isOneLine || isBeside ? 1 : 2, texts.length) * LINE + 2,
        }];
    }), boxes);
}

/** Puts each label on its line, where it covers the least of the boxes and of the labels before it. */
function placed(labels, boxes) {
    const taken = [...boxes];
    return labels.map((label) => {
        const { width, height } = label;
        const rects = label.places.map(([x, y]) => ({ x: x - width / 2, y: y - height / 2, width, height }));
        const costs = rects.map((rect) => taken.reduce((sum, other) => sum + overlap(rect, other), 0));
        const rect = rects[costs.indexOf(Math.min(...costs))];
        taken.push(rect);
        return { ...label, rect };
    });
}

function overlap(a, b) {
    const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
    const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
    return width > 0 && height > 0 ? width * height : 0;
}

/** One label. Screen readers have the table. */
export function rate({ from, to, rect, texts, shown, isFailing }) {
    const x = rect.x + rect.width / 2;
    const top = rect.y + (rect.height - texts.length * LINE) / 2;
    return svg(`g.rate${isFailing ? ".failing" : ""}`, { key: `rate ${from} ${to}`, "data-edge": `${from.trim()} ${to}`, "aria-hidden": "true" },
        svg("rect", { x: x - shown / 2, y: top, width: shown, height: texts.length * LINE, rx: 3 }),
        texts.map((text, index) => svg("text", { key: index, x, y: top + index * LINE + 11.5 }, text)));
}

/** An edge in words. */
export function sentence(line, edges, application) {
    const texts = parts(edgeOf(line, edges).point).join(", ");
    const from = isOutside(line.from) ? outside(line.from, application).title : line.from;
    return `${from} calls ${line.to}${texts ? `: ${texts}` : ""}`;
}

/** All edges with more numbers. */
export function list(application, edges) {
    if (edges.length === 0) return null;
    const columns = [
        { name: "Caller" }, { name: "Calls" }, { name: "Requests/s", isNumber: true }, { name: "Errors/s", isNumber: true },
        { name: "p50 ms", isNumber: true }, { name: "p95 ms", isNumber: true },
    ];
    const value = (known) => (known === undefined ? null : number(known));
    return table(`calls of ${application.name}`, columns, edges.map(({ from, to, point }) => {
        const { title, note } = isOutside(from) ? outside(from, application) : { title: from };
        return {
            key: `${from} ${to}`,
            cells: [
                note ? h("span", null, title, " ", h("span.none", null, note)) : title, to,
                value(point?.requests_per_s), value(point?.errors_per_s), value(point?.p50_ms), value(point?.p95_ms),
            ],
        };
    }));
}
