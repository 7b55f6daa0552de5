// Who calls which deployment of an application, how often, and how fast.
import { latest } from "./series.js";

/** The name of what is no deployment begins with a space, which no deployment's does. */
const HTTP = " HTTP";
const PROGRAM = " main";

/**
 * The edges of an application's graph: those that its deployments were bound with, those that were seen, and the one from
 * HTTP to the ingress. Each has `from` and `to`, names in the application or of what is outside, and `point`: its latest
 * values, or null if nothing was measured.
 */
export function calls(application, topology, rates) {
    const names = new Map(Object.entries(application.deployments).map(([name, { id }]) => [id, name]));
    const ids = new Map([...names].map(([id, name]) => [name, id]));
    const edges = new Map();
    const add = (from, to, point) => {
        if (ids.has(to) && !edges.has(`${from} ${to}`)) edges.set(`${from} ${to}`, { from, to, point });
    };
    const seen = rates?.fine?.edges ?? {};
    const ingress = topology?.ingress_deployment;
    if (application.route_prefix && ingress) add(HTTP, ingress, latest(rates?.fine?.routes?.[application.route_prefix]));
    for (const node of Object.values(topology?.nodes ?? {})) {
        for (const callee of node.outbound_deployments ?? []) {
            add(node.name, callee.name, latest(seen[ids.get(node.name)]?.[ids.get(callee.name)]));
        }
    }
    for (const [caller, callees] of Object.entries(seen)) {
        for (const [callee, columns] of Object.entries(callees)) {
            add(names.get(caller) ?? ` ${caller}`, names.get(callee), latest(columns));
        }
    }
    return [...edges.values()];
}

export const isOutside = (name) => name.startsWith(" ");

/** What is outside of the application, as people read it: its name, and a word about it. */
export function outside(name, application) {
    if (name === HTTP) return { title: "HTTP", note: application.route_prefix };
    if (name === PROGRAM) return { title: "Program", note: "by handle" };
    return { title: name.slice(1), note: "another application" };
}
