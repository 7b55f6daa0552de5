// The composition of each application: its deployments, and which calls which.
import { kindOf, number, sorted, words } from "./format.js";
import { layout } from "./layout.js";
import { fetched, model } from "./model.js";
import { empty, sign } from "./parts.js";
import { h, svg } from "./render.js";
import { latest, series } from "./series.js";

const BOX = { width: 232, height: 84, gap: 18, step: 56 };

export function graph() {
    const applications = sorted(Object.values(model.status.applications), (application) => application.name);
    if (applications.length === 0) return empty("No application runs");
    const topologies = fetched("/api/serve/applications/", 5).data?.applications ?? {};
    const rates = series(5).data;
    return applications.map((application, index) =>
        drawing(application, topologies[application.name]?.deployment_topology, rates, `arrow${index}`));
}

function drawing(application, topology, rates, marker) {
    const { name } = application;
    const names = sorted(Object.keys(application.deployments));
    if (names.length === 0) return h("section.graph", { key: name, "aria-label": name }, h("h2", null, name), h("p.quiet", null, "It has no deployments."));
    const edges = Object.values(topology?.nodes ?? {}).flatMap((node) =>
        (node.outbound_deployments ?? []).map((callee) => [node.name, callee.name]));
    const ingress = topology?.ingress_deployment;
    // The ingress begins the drawing.
    names.sort((left, right) => Number(right === ingress) - Number(left === ingress));
    const across = document.documentElement.clientWidth > 760;
    const place = topology ? layout(names, edges, { ...BOX, across }) : grid(names);
    return h("section.graph", { key: name, "aria-label": `graph of ${name}` },
        h("header", null, h("h2", null, name),
            h("span.facts", null, topology ? `ingress ${ingress}`
                : names.length > 1 ? "The server does not tell which deployment calls which." : "")),
        h("div.drawing", null, svg("svg", {
            width: place.width + 4, height: place.height + 4, viewBox: `-2 -2 ${place.width + 4} ${place.height + 4}`,
            role: "group", "aria-label": `deployments of ${name}`,
        },
        svg("defs", null, svg("marker", { id: marker, viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" },
            svg("path.head", { d: "M0 0 L8 4 L0 8 Z" }))),
        place.lines.map((line) => svg("path.edge", {
            key: `${line.from} ${line.to}`, d: line.d, "marker-end": `url(#${marker})`,
        }, svg("title", null, `${line.from} calls ${line.to}`))),
        names.map((node) => box(application.deployments[node], node, place.boxes.get(node), node === ingress, rates)))));
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

function box(deployment, name, { x, y }, isIngress, rates) {
    const running = deployment.replicas.filter((replica) => replica.state === "running").length;
    const counts = `${running} of ${deployment.target.replicas} running`;
    const point = latest(rates, deployment.id);
    const load = point
        ? `${number(point.requests_per_s ?? 0)} requests/s${point.p95_ms === undefined ? "" : ` · p95 ${number(point.p95_ms)} ms`}` : "";
    const text = (at, className, value) => svg(`text.${className}`, { x: 14, y: at }, value);
    return svg("a.box", {
        key: name, href: `#metrics/${encodeURIComponent(deployment.id)}`, transform: `translate(${x} ${y})`,
        "aria-label": `${name}, ${isIngress ? "ingress, " : ""}${words(deployment.state)}, ${counts}${load ? `, ${load}` : ""}`,
    },
    svg(`rect.frame.${kindOf(deployment.state)}`, { width: BOX.width, height: BOX.height, rx: 6 }),
    svg("g", { transform: `translate(${BOX.width - 24} 12)`, class: kindOf(deployment.state) }, { ...sign(kindOf(deployment.state)), attributes: { width: 10, height: 10, viewBox: "0 0 10 10", "aria-hidden": "true" } }),
    text(23, "name", name.length > 24 ? `${name.slice(0, 23)}…` : name),
    text(44, "counts", `${words(deployment.state)} · ${counts}`),
    text(66, "load", load || (isIngress ? "ingress" : "")));
}
