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
    const { ranks, chains } = ranked(names, known);
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
    const lines = known.map(([from, to], index) => {
        const [a, b] = [places.get(from), places.get(to)];
        const stops = [[a.deep + long, a.along + side / 2]];
        for (const lane of chains[index]) {
            const { deep, along } = places.get(lane);
            stops.push([deep, along + LANE / 2], [deep + long, along + LANE / 2]);
        }
        stops.push([b.deep, b.along + side / 2]);
        return { from, to, d: curve(stops, point) };
    });
    const boxes = new Map(names.map((name) => {
        const [x, y] = point(places.get(name).deep, places.get(name).along);
        return [name, { x, y }];
    }));
    const depth = ranks.length * (long + step) - step;
    return { boxes, lines, width: across ? depth : breadth, height: across ? breadth : depth };
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

/** Each node one rank behind its last caller; within a rank, near its callers. A circle ends where it closes. */
function ranked(names, edges) {
    const depths = new Map();
    const depth = (name, path) => {
        if (depths.has(name)) return depths.get(name);
        const callers = edges.filter(([from, to]) => to === name && !path.has(from)).map(([from]) => from);
        const result = callers.length ? 1 + Math.max(...callers.map((caller) => depth(caller, new Set([...path, caller])))) : 0;
        depths.set(name, result);
        return result;
    };
    const ranks = [];
    for (const name of names) (ranks[depth(name, new Set([name]))] ??= []).push(name);
    for (let index = 0; index < ranks.length; index += 1) ranks[index] ??= [];
    // What each node or lane hangs on: the node or lane before it.
    const before = new Map(names.map((name) => [name, []]));
    const chains = edges.map(([from, to]) => {
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
        return lanes;
    });
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
