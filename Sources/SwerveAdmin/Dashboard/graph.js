// The composition of each application: its deployments, which calls which, how often, and how fast.
import { calls, isOutside, outside } from "./calls.js";
import { FORMS, labels, list, rate, sentence } from "./edges.js";
import { kindOf, number, sorted, words } from "./format.js";
import { layout } from "./layout.js";
import { fetched, model } from "./model.js";
import { empty, sign } from "./parts.js";
import { h, svg } from "./render.js";
import { latest, series } from "./series.js";

const BOX = { width: 232, height: 84, gap: 18 };
/** The box of what is outside of the application. */
const SMALL = { width: 116, height: 44 };

export function graph() {
    const applications = sorted(Object.values(model.status.applications), (application) => application.name);
    if (applications.length === 0) return empty("No application runs");
    const topologies = fetched("/api/serve/applications/", 5).data?.applications ?? {};
    const rates = series().data;
    return applications.map((application, index) =>
        drawing(application, topologies[application.name]?.deployment_topology, rates, `arrow${index}`));
}

function drawing(application, topology, rates, marker) {
    const { name } = application;
    const names = sorted(Object.keys(application.deployments));
    if (names.length === 0) return h("section.graph", { key: name, "aria-label": name }, h("h2", null, name), h("p.quiet", null, "It has no deployments."));
    const edges = calls(application, topology, rates);
    const ingress = topology?.ingress_deployment;
    // The ingress begins the drawing, and what calls it from outside.
    names.sort((left, right) => Number(right === ingress) - Number(left === ingress));
    const nodes = [...new Set(edges.map((edge) => edge.from).filter(isOutside)), ...names];
    const across = document.documentElement.clientWidth > 760;
    const form = across ? FORMS.columns : FORMS.rows;
    const place = topology || edges.length
        ? layout(nodes, edges.map((edge) => [edge.from, edge.to]), { ...BOX, ...form.room, across }) : grid(names);
    const boxes = new Map(nodes.map((node) => [node, shape(node, place.boxes.get(node), across)]));
    const shown = labels(place.lines, edges, form, [...boxes.values()]);
    return h("section.graph", { key: name, "aria-label": `graph of ${name}` },
        h("header", null, h("h2", null, name),
            h("span.facts", null, topology ? `ingress ${ingress}`
                : names.length > 1 ? "The server does not tell which deployment calls which." : "")),
        h("div.drawing", null, svg("svg", { ...extent(place, [...boxes.values(), ...shown.map(({ rect }) => rect)]), role: "group", "aria-label": `deployments of ${name}` },
            svg("defs", null, svg("marker", { id: marker, viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" },
                svg("path.head", { d: "M0 0 L8 4 L0 8 Z" }))),
            place.lines.map((line) => svg("path.edge", {
                key: `${line.from} ${line.to}`, d: line.d, "marker-end": `url(#${marker})`,
            }, svg("title", null, sentence(line, edges, application)))),
            shown.map(rate),
            nodes.map((node) => (isOutside(node) ? small(node, boxes.get(node), application)
                : box(application.deployments[node], node, boxes.get(node), node === ingress, rates))))),
        list(application, edges));
}

/** Places for boxes of which nobody knows the callers. */
function grid(names) {
    const columns = Math.max(1, Math.min(names.length, Math.floor((document.documentElement.clientWidth - 80) / (BOX.width + BOX.gap))));
    const boxes = new Map(names.map((name, index) => [name, {
        x: (index % columns) * (BOX.width + BOX.gap), y: Math.floor(index / columns) * (BOX.height + BOX.gap),
    }]));
    const rows = Math.ceil(names.length / columns);
    return { boxes, lines: [], width: columns * (BOX.width + BOX.gap) - BOX.gap, height: rows * (BOX.height + BOX.gap) - BOX.gap };
}

/** What a node takes of its place: a small one is where its lines begin. */
function shape(node, { x, y }, across) {
    if (!isOutside(node)) return { x, y, width: BOX.width, height: BOX.height };
    const [right, below] = [BOX.width - SMALL.width, BOX.height - SMALL.height];
    return across ? { x: x + right, y: y + below / 2, ...SMALL } : { x: x + right / 2, y: y + below, ...SMALL };
}

/** The size of the drawing, without what small nodes leave free. */
function extent(place, rects) {
    const left = Math.min(...rects.map((rect) => rect.x)) - 2;
    const top = Math.min(...rects.map((rect) => rect.y)) - 2;
    const width = Math.max(place.width, ...rects.map((rect) => rect.x + rect.width)) + 2 - left;
    const height = Math.max(place.height, ...rects.map((rect) => rect.y + rect.height)) + 2 - top;
    return { width, height, viewBox: `${left} ${top} ${width} ${height}` };
}

const cut = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
const text = (x, y, className, value) => svg(`text.${className}`, { x, y }, value);

function small(name, { x, y, width, height }, application) {
    const { title, note } = outside(name, application);
    return svg("g.outside", { key: name, transform: `translate(${x} ${y})`, role: "img", "aria-label": `${title}, ${note}` },
        svg("rect", { width, height, rx: 6 }), text(12, 19, "name", cut(title, 13)), text(12, 35, "note", cut(note, 15)));
}

function box(deployment, name, { x, y }, isIngress, rates) {
    const running = deployment.replicas.filter((replica) => replica.state === "running").length;
    const counts = `${running} of ${deployment.target.replicas} running`;
    const point = latest(rates?.fine?.deployments?.[deployment.id]);
    const load = point
        ? `${number(point.requests_per_s ?? 0)} requests/s${point.p95_ms === undefined ? "" : ` · p95 ${number(point.p95_ms)} ms`}` : "";
    return svg("a.box", {
        key: name, href: `#metrics/${encodeURIComponent(deployment.id)}`, transform: `translate(${x} ${y})`,
        "aria-label": `${name}, ${isIngress ? "ingress, " : ""}${words(deployment.state)}, ${counts}${load ? `, ${load}` : ""}`,
    },
    svg(`rect.frame.${kindOf(deployment.state)}`, { width: BOX.width, height: BOX.height, rx: 6 }),
    svg("g", { transform: `translate(${BOX.width - 24} 12)`, class: kindOf(deployment.state) }, { ...sign(kindOf(deployment.state)), attributes: { width: 10, height: 10, viewBox: "0 0 10 10", "aria-hidden": "true" } }),
    text(14, 23, "name", cut(name, 24)),
    text(14, 44, "counts", `${words(deployment.state)} · ${counts}`),
    text(14, 66, "load", load || (isIngress ? "ingress" : "")));
}
