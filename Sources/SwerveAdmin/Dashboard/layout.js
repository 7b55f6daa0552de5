// Where the boxes of a graph go: callers before callees, in ranks. A call over several ranks has a place in each of them,
// so that its line passes between the boxes.

/** How much of a rank a line takes that passes it. */
const LANE = 10;

/**
 * `names` are the nodes, `edges` pairs `[from, to]`, `across` says whether ranks are columns. Returns the boxes with
 * their places, the lines, and the size of the drawing.
 */
export function layout(names, edges, { width, height, gap, step, across }) {
    const known = edges.filter(([from, to]) => names.includes(from) && names.includes(to) && from !== to);
    const back = closing(names, known);
    const { ranks, chains } = ranked(names, known.filter((edge) => !back.has(edge)));
    const [long, side] = across ? [width, height] : [height, width];
    const size = (node) => (typeof node === "string" ? side : LANE);
    const extents = ranks.map((rank) => rank.reduce((sum, node) => sum + size(node) + gap, -gap));
    const breadth = Math.max(...extents, side);
    const places = new Map();
    ranks.forEach((rank, index) => {
        let along = (breadth - extents[index]) / 2;
        for (const node of rank) {
            places.set(node, { deep: index * (long + step), along });
            along += size(node) + gap;
        }
    });
    const point = (deep, along) => (across ? [deep, along] : [along, deep]);
    const line = ([from, to]) => {
        const [a, b] = [places.get(from), places.get(to)];
        const stops = [[a.deep + long, a.along + side / 2]];
        for (const lane of chains.get(`${from} ${to}`)) {
            const { deep, along } = places.get(lane);
            stops.push([deep, along + LANE / 2], [deep + long, along + LANE / 2]);
        }
        return curve([...stops, [b.deep, b.along + side / 2]], point);
    };
    // A call back to a caller passes outside of everything.
    const outside = breadth + gap + LANE;
    const loop = ([from, to]) => {
        const [a, b] = [places.get(from), places.get(to)];
        const stops = [[a.deep + long / 2 + LANE, a.along + side], [b.deep + long / 2 - LANE, b.along + side]];
        const [begin, end] = stops.map(([deep]) => point(deep, outside).join(" "));
        return `M ${point(...stops[0]).join(" ")} C ${begin} ${begin} ${point((stops[0][0] + stops[1][0]) / 2, outside).join(" ")} `
            + `S ${end} ${point(...stops[1]).join(" ")}`;
    };
    const lines = known.map((edge) => ({ from: edge[0], to: edge[1], d: back.has(edge) ? loop(edge) : line(edge) }));
    const boxes = new Map(names.map((name) => {
        const [x, y] = point(places.get(name).deep, places.get(name).along);
        return [name, { x, y }];
    }));
    const depth = ranks.length * (long + step) - step;
    const whole = back.size > 0 ? outside : breadth;
    return { boxes, lines, width: across ? depth : whole, height: across ? whole : depth };
}

/** Curves between ranks, straight lines within one. */
function curve(stops, point) {
    let text = `M ${point(...stops[0]).join(" ")}`;
    for (let index = 1; index < stops.length; index += 1) {
        const [[d1, a1], [d2, a2]] = [stops[index - 1], stops[index]];
        const middle = (d1 + d2) / 2;
        text += index % 2 === 0 ? ` L ${point(d2, a2).join(" ")}`
            : ` C ${[[middle, a1], [middle, a2], [d2, a2]].map((stop) => point(...stop).join(" ")).join(" ")}`;
    }
    return text;
}

/** The edges that close a circle, as seen from the first node on. */
function closing(names, edges) {
    const back = new Set();
    const done = new Set();
    const visit = (name, path) => {
        for (const edge of edges.filter(([from]) => from === name)) {
            if (path.has(edge[1])) back.add(edge);
            else if (!done.has(edge[1])) visit(edge[1], new Set([...path, edge[1]]));
        }
        done.add(name);
    };
    for (const name of names) if (!done.has(name)) visit(name, new Set([name]));
    return back;
}

/** Each node one rank behind its last caller; within a rank, near its callers. `edges` have no circles. */
function ranked(names, edges) {
    const depths = new Map();
    const depth = (name) => {
        if (!depths.has(name)) {
            const callers = edges.filter(([, to]) => to === name).map(([from]) => depth(from) + 1);
            depths.set(name, Math.max(0, ...callers));
        }
        return depths.get(name);
    };
    const ranks = [];
    for (const name of names) (ranks[depth(name)] ??= []).push(name);
    // What each node or lane hangs on: the node or lane before it.
    const before = new Map(names.map((name) => [name, []]));
    const chains = new Map();
    for (const [from, to] of edges) {
        const lanes = [];
        let last = from;
        for (let rank = depths.get(from) + 1; rank < depths.get(to); rank += 1) {
            const lane = { from, to, rank };
            before.set(lane, [last]);
            ranks[rank].push(lane);
            lanes.push(lane);
            last = lane;
        }
        before.get(to).push(last);
        chains.set(`${from} ${to}`, lanes);
    }
    ranks.slice(1).forEach((rank, index) => {
        const above = ranks[index];
        const place = (node) => {
            const places = before.get(node).map((other) => above.indexOf(other)).filter((at) => at >= 0);
            return places.length ? places.reduce((sum, at) => sum + at, 0) / places.length : 0;
        };
        rank.sort((left, right) => place(left) - place(right));
    });
    return { ranks, chains };
}
