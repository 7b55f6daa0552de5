// Why a deployment is as it is: what waits, what failed, what scaled it, why its batches closed.
import { duration, number, plural, words } from "./format.js";
import { age } from "./model.js";
import { shares, why } from "./parts.js";
import { h } from "./render.js";

/**
 * How far a rollout is: the status tells it only in the application's message, as "deployment 'A': 1 of 3 replicas
 * running, 2 of the previous version serving".
 */
export function rollout(application, deployment) {
    const name = `deployment '${deployment.id.slice(application.name.length + 1)}': `;
    const begin = (application.message ?? "").indexOf(name);
    if (begin < 0) return null;
    const text = application.message.slice(begin + name.length);
    const found = /^(\d+) of (\d+) replicas running(?:, (\d+) of the previous version serving)?/.exec(text);
    return found ? { running: Number(found[1]), target: Number(found[2]), old: Number(found[3] ?? 0) } : null;
}

export function reasons(application, deployment) {
    const { target, pending, autoscaling, message } = deployment;
    const progress = rollout(application, deployment);
    const isChanging = ["updating", "deleting"].includes(deployment.state);
    return [
        isChanging && progress && why("Rollout",
            progress.old > 0 ? `${progress.running} of ${progress.target} new replicas running, ${progress.old} of the previous version serving `
                + `(${words(deployment.options?.rollout ?? "")})`
                : `${progress.running} of ${plural(progress.target, "replica")} running`),
        pending && why("Pending", h("strong", null, plural(pending.count, "replica")),
            ` for ${duration(age(pending.since))}: ${pending.reason}`),
        message && !(pending && message.includes(pending.reason)) && why("Failing", message),
        target?.reason && !autoscaling?.last_decision && why("Target", `${target.replicas}, decided by ${target.decided_by}: ${target.reason}`),
        autoscaling && scaling(autoscaling),
        ...batches(deployment),
    ];
}

function scaling(scaling) {
    const { load, last_decision: decision } = scaling;
    const wish = `the load asks for ${plural(scaling.wanted, "replica")} `
        + `(${load.ongoing} ongoing, ${load.queued} queued; ${scaling.min_replicas} to ${scaling.max_replicas} allowed)`;
    const dry = scaling.would_be === undefined ? "" : `; dry run: the target would be ${scaling.would_be}`;
    return why("Scaling", decision ? h("strong", null, decision) : "no change yet", `; ${wish}${dry}`);
}

const CLOSED = [
    ["full", "full"], ["waited", "waited long enough"], ["alone", "nothing more could come"],
    ["deadline", "a deadline was near"], ["shutdown", "draining"],
];

/** The counters of each batched method of all replicas together. */
function batches(deployment) {
    const sums = new Map();
    for (const replica of deployment.replicas) {
        for (const [method, counters] of Object.entries(replica.batches ?? {})) {
            const sum = sums.get(method) ?? {};
            for (const [name, count] of Object.entries(counters)) sum[name] = (sum[name] ?? 0) + count;
            sums.set(method, sum);
        }
    }
    return [...sums].sort().map(([method, sum]) => {
        const parts = CLOSED.map(([name, text]) =>
            ({ name, value: sum[name] ?? 0, text: `${text} ${number(sum[name] ?? 0)}` }));
        const count = parts.reduce((total, part) => total + part.value, 0);
        const lost = ["cancelled", "expired"].filter((name) => sum[name] > 0).map((name) => `, ${number(sum[name])} ${name}`);
        return why("Batches", h("code", null, method), ` ${plural(count, "batch", "batches")}`,
            count > 0 ? ` of ${number(sum.items / count)} items on average${lost.join("")}; closed because ` : "",
            count > 0 ? shares(parts, "batches") : null);
    });
}
