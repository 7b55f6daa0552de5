// Time series of deployments, routes and edges, as the server keeps them.
import { fetched } from "./model.js";

/** What is known now: `fine` for the last minutes, `coarse` for the hour. */
export function series(seconds = 2) {
    return fetched("/api/v1/series", seconds);
}

/** The names of what has charts: deployments, then routes. */
export function subjects(data) {
    const names = (kind) => [...new Set([...Object.keys(data.fine?.[kind] ?? {}), ...Object.keys(data.coarse?.[kind] ?? {})])].sort();
    return [
        ...names("deployments").map((name) => ({ kind: "deployments", name })),
        ...names("routes").map((name) => ({ kind: "routes", name })),
    ];
}

/** So many seconds are the present, because one alone may be empty. */
const PRESENT = 5;

/** The latest values of a series with a point each second: rates are the mean of the last seconds. Null without any. */
export function latest(columns) {
    if (!columns) return null;
    const point = {};
    for (const [name, values] of Object.entries(columns)) {
        const known = values.slice(-PRESENT).filter((value) => value !== null);
        if (known.length === 0) continue;
        point[name] = name.endsWith("_per_s") ? known.reduce((sum, value) => sum + value, 0) / known.length : known[known.length - 1];
    }
    return point;
}
