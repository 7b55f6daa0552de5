// Time series of deployments and routes, as the server keeps them.
import { fetched } from "./model.js";

/** What is known now: `fine` for the last minutes, `coarse` for the hour. */
export function series(seconds = 2) {
    return fetched("/api/v1/series", seconds);
}

/** The names of what has a series: deployments, then routes. */
export function subjects(data) {
    const names = (kind) => [...new Set([...Object.keys(data.fine?.[kind] ?? {}), ...Object.keys(data.coarse?.[kind] ?? {})])].sort();
    return [
        ...names("deployments").map((name) => ({ kind: "deployments", name })),
        ...names("routes").map((name) => ({ kind: "routes", name })),
    ];
}

/** The latest known values of a deployment; null without any. */
export function latest(data, id) {
    const columns = data?.fine?.deployments?.[id];
    if (!columns) return null;
    const point = {};
    for (const [name, values] of Object.entries(columns)) {
        // The last seconds, because one alone may be empty.
        const known = values.slice(-5).filter((value) => value !== null);
        if (known.length) point[name] = known[known.length - 1];
    }
    return point;
}
