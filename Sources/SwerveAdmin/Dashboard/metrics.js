// Time series of the last minutes or the last hour.
import { chart } from "./chart.js";
import { changed } from "./model.js";
import { empty, failure } from "./parts.js";
import { h } from "./render.js";
import { series, subjects } from "./series.js";

const RANGES = { fine: { name: "5 minutes", span: 300 }, coarse: { name: "1 hour", span: 3600 } };
/** So many subjects are drawn at once; a further one is chosen by its name. */
const MOST = 24;

const CHARTS = [
    { title: "Requests", unit: "per s", lines: { requests_per_s: "all", errors_per_s: "errors" } },
    { title: "Latency", unit: "ms", lines: { p50_ms: "p50", p95_ms: "p95", p99_ms: "p99" } },
    { title: "Load", unit: "", lines: { ongoing: "ongoing", queued: "queued" }, of: "deployments" },
    { title: "Replicas", unit: "", lines: { replicas: "running", target: "target" }, of: "deployments", isStep: true },
    { title: "Batch size", unit: "items", lines: { batch_size: "mean" }, of: "deployments", isOptional: true },
];

/** The time under the pointer: all charts show their values there. */
let cursor = null;

/** `#metrics/SUBJECT/RANGE`; both may be missing. */
export function metrics(subject = "", range = "") {
    const { data, error } = series(2);
    if (!data) return error ? failure("Time series", error) : empty("Reading the time series …");
    const all = subjects(data);
    // An hour that has hardly begun is an empty chart.
    const name = RANGES[range] ? range : (data.coarse?.time_s?.length ?? 0) >= 12 ? "coarse" : "fine";
    const chosen = all.filter((one) => !subject || one.name === subject).slice(0, MOST);
    const points = data[name] ?? { time_s: [] };
    // A young instance has a shorter time axis.
    const span = Math.min(RANGES[name].span, Math.max(60, points.time_s[points.time_s.length - 1] - points.time_s[0] || 0));
    return [
        h("div.tools", { key: "tools" },
            h("label", null, "Of ", h("select", { onChange: (event) => go(event.target.value, name) },
                h("option", { value: "", selected: !subject }, all.length > MOST ? `the first ${MOST}` : "everything"),
                all.map((one) => h("option", { key: `${one.kind} ${one.name}`, value: one.name, selected: one.name === subject },
                    one.kind === "routes" ? `route ${one.name}` : one.name)))),
            h("span.choice", { role: "group", "aria-label": "time" }, Object.entries(RANGES).map(([key, value]) =>
                h("a", { key, href: `#${fragment(subject, key)}`, "aria-current": key === name ? "true" : undefined }, value.name)))),
        error ? failure("New values", error) : null,
        chosen.length === 0 ? empty(subject ? `Nothing is known of ${subject} yet` : "Nothing was measured yet") : null,
        chosen.map((one) => row(one, points, span)),
    ];
}

const fragment = (subject, range) => `metrics/${encodeURIComponent(subject)}/${range}`;

function go(subject, range) {
    location.hash = fragment(subject, range);
}

function row({ kind, name }, points, span) {
    const columns = points[kind]?.[name] ?? {};
    const charts = CHARTS.filter(({ of, lines, isOptional }) =>
        (!of || of === kind) && (!isOptional || Object.keys(lines).some((column) => columns[column])));
    return h("section.metrics", { key: `${kind} ${name}`, "aria-label": name },
        h("header", null, h("h2", null, name), kind === "routes" ? h("span.facts", null, "route") : null),
        h("div.charts", null, charts.map(({ title, unit, lines, isStep }) => chart({
            title, unit, span, cursor, times: points.time_s,
            lines: Object.entries(lines).map(([column, label]) => ({ name: label, values: columns[column], isStep })),
            point(time) {
                cursor = time;
                changed();
            },
        }))));
}
