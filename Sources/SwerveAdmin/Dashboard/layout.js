// Where the boxes of a graph go: callers before callees, in ranks. A call over several ranks has a place in each of them,
// so that its line passes between the boxes.

/** How much of a rank a line takes that passes it. */
const LANE = 10;
/** How far along a curve its label may be, the best first. */
const SHARES = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8];

/**
 * `names` are the nodes, `edges` pairs `[from, to]`, `across` says whether ranks are columns. Returns the boxes with
 * their places, the lines with the places that their labels may have, and the size of the drawing. A line that passes
 * ranks has a `lane`: the middle of a straight part. Lines that lead back to a caller have `margin` between them and the
 * boxes.
 */
export function layout(names, edges, { width, height, gap, step, across, margin = 0 }) {
    const known = edges.filter(([from, to]) => names.includes(from) && names.includes(to) && from !== to);
    const back = closing(names, known);
    const { ranks, chains } = ranked(names, known.filter((edge) => !back.has(edge)));
    const [long, side] = across ? [width, height] : [height, width];
    const size = (node) => (typeof node === "string" ? side : LANE);
    const extents = ranks.map((rank) => rank.reduce((sum, node) => sum + size(node) + gap, -gap));
    const breadth = Math.max(...extents, side);
    const nodes = new Map();
    ranks.forEach((rank, index) => {
        let along = (breadth - extents[index]) / 2;
        for (const node of rank) {
            nodes.set(node, { deep: index * (long + step), along });
            along += size(node) + gap;
        }
    });
    const point = (deep, along) => (across ? [deep, along] : [along, deep]);
    const line = ([from, to]) => {
        const [a, b] = [nodes.get(from), nodes.get(to)];
        const stops = [[a.deep + long, a.along + side / 2]];
        for (const lane of chains.get(`${from} ${to}`)) {
            const { deep, along } = nodes.get(lane);
            stops.push([deep, along + LANE / 2], [deep + long, along + LANE / 2]);
        }
        stops.push([b.deep, b.along + side / 2]);
        return { d: curve(stops, point), places: places(stops, point), lane: lane(stops, point) };
    };
    // A call back to a caller passes outside of everything.
    const outside = breadth + gap + LANE + margin;
    const loop = ([from, to]) => {
        const [a, b] = [nodes.get(from), nodes.get(to)];
        const stops = [[a.deep + long / 2 + LANE, a.along + side], [b.deep + long / 2 - LANE, b.along + side]];
        const [begin, end] = stops.map(([deep]) => point(deep, outside).join(" "));
        const middle = point((stops[0][0] + stops[1][0]) / 2, outside);
        const d = `M ${point(...stops[0]).join(" ")} C ${begin} ${begin} ${middle.join(" ")} S ${end} ${point(...stops[1]).join(" ")}`;
        return { d, places: [middle] };
    };
    const lines = known.map((edge) => ({ from: edge[0], to: edge[1], ...(back.has(edge) ? loop(edge) : line(edge)) }));
    const boxes = new Map(names.map((name) => {
        const [x, y] = point(nodes.get(name).deep, nodes.get(name).along);
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

/** The middle of the straight part of a line that passes ranks; null for others. */
function lane(stops, point) {
    if (stops.length < 4) return null;
    const from = 2 * Math.floor((stops.length - 2) / 4) + 1;
    return point((stops[from][0] + stops[from + 1][0]) / 2, stops[from][1]);
}

/** Points on the curves of a line, which are between the ranks. */
function places(stops, point) {
    const at = (share, a, b, c, d) =>
        (1 - share) ** 3 * a + 3 * (1 - share) ** 2 * share * b + 3 * (1 - share) * share ** 2 * c + share ** 3 * d;
    return SHARES.flatMap((share) => stops.flatMap(([d2, a2], index) => {
        if (index % 2 === 0) return [];
        const [d1, a1] = stops[index - 1];
        const middle = (d1 + d2) / 2;
        return [point(at(share, d1, middle, middle, d2), at(share, a1, a1, a2, a2))];
    }));
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
