// A small chart of one or several lines over time.
import { clock, number } from "./format.js";
import { h, svg } from "./render.js";

const WIDTH = 300;
const HEIGHT = 72;

/**
 * `lines` are `{ name, values, isStep }`, `times` their seconds since 1970, `span` how many seconds are shown. `cursor` is
 * the time to show the values of, or null for the latest; `point` is told the time under the pointer, or that the arrow
 * keys chose.
 */
export function chart({ title, unit, lines, times, span, cursor, point }) {
    const known = lines.filter((line) => line.values?.some((value) => value !== null));
    const end = times[times.length - 1] ?? 0;
    const begin = end - span;
    const shown = known.map((line) => line.values.filter((value, index) => value !== null && times[index] >= begin));
    const most = Math.max(...shown.flat(), 0);
    const top = ceiling(most);
    const x = (time) => ((time - begin) / span) * WIDTH;
    const y = (value) => HEIGHT - (value / top) * (HEIGHT - 4) - 1;
    const at = cursor === null ? times.length - 1 : nearest(times, cursor);
    const value = (line) => {
        if (cursor !== null) return line.values[at];
        // The latest known one: a second without a request has no latency.
        return line.values.slice(-10).filter((value) => value !== null).pop();
    };
    const move = (event) => {
        const box = event.currentTarget.getBoundingClientRect();
        point(begin + (span * (event.clientX - box.left)) / box.width);
    };
    const step = (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (by) point(times[Math.min(times.length - 1, Math.max(0, at + by))] ?? null);
        else if (event.key === "Escape") point(null);
        else return;
        event.preventDefault();
    };
    const summary = known.map((line) => `${line.name} ${number(value(line) ?? NaN)} ${unit}`).join(", ");
    return h("figure.chart", { key: title },
        h("figcaption", null, h("span.title", null, title, unit ? h("span.unit", null, ` ${unit}`) : null), h("span.legend", null, lines.map((line, index) =>
            h("span.part", { key: line.name }, h(`i.line${index}`, { "aria-hidden": "true" }), `${line.name} `,
                h("strong", null, line.values ? number(value(line) ?? NaN) : "–"))))),
        h("div.plot", null,
            h("span.top", { "aria-hidden": "true" }, known.length ? number(top) : ""),
            svg("svg", {
                viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
                "aria-label": `${title}: ${summary || "nothing yet"}; at most ${number(most)}`,
                onPointermove: move, onPointerleave: () => point(null),
                tabindex: 0, onKeydown: step, onBlur: () => point(null),
            },
            [0.5, 1].map((share) => svg("line.grid", { key: share, x1: 0, x2: WIDTH, y1: y(top * share), y2: y(top * share) })),
            svg("line.axis", { x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }),
            known.map((line) => svg(`path.line${lines.indexOf(line)}`, { key: line.name, d: path(line, times, begin, x, y) })),
            cursor === null ? null : svg("line.cursor", { x1: x(times[at]), x2: x(times[at]), y1: 0, y2: HEIGHT })),
            h("span.times", { "aria-hidden": "true" }, h("span", null, clock(begin * 1000)), h("span", null, clock((cursor === null ? end : times[at]) * 1000)))));
}

/** A round number that is not below. */
function ceiling(value) {
    if (!(value > 0)) return 1;
    const unit = 10 ** Math.floor(Math.log10(value));
    return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * unit).find((round) => round >= value * 0.999);
}

function nearest(times, time) {
    let best = 0;
    times.forEach((other, index) => { if (Math.abs(other - time) < Math.abs(times[best] - time)) best = index; });
    return best;
}

/** A gap where a value is unknown; a value alone is a dot. */
function path(line, times, begin, x, y) {
    const parts = [];
    let isDrawing = false;
    let before = 0;
    line.values.forEach((value, index) => {
        if (value === null || times[index] < begin) {
            isDrawing = false;
            return;
        }
        const [px, py] = [x(times[index]).toFixed(1), y(value).toFixed(1)];
        if (!isDrawing) parts.push(`M${px} ${py}h0.01`);
        else if (line.isStep && before !== value) parts.push(`H${px}V${py}`);
        else parts.push(`L${px} ${py}`);
        isDrawing = true;
        before = value;
    });
    return parts.join("");
}
