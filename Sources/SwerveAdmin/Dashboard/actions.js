// What changes something: each asks first, and needs the token.
import { draw, open } from "./dialog.js";
import { age, refetch } from "./model.js";
import { clock, duration, plural } from "./format.js";
import { table } from "./parts.js";
import { h } from "./render.js";
import { ask, path } from "./server.js";

export const act = { scale, remove, rollBack, enterToken };

function scale(application, deployment, present) {
    open({
        title: `Scale ${deployment}`,
        confirm: "Scale",
        content: () => [
            h("label.field", { key: "replicas" }, h("span", null, "Replicas"),
                h("input", { name: "replicas", type: "number", min: 0, max: 10000, step: 1, required: true, value: present }),
                h("small", null, `${plural(present, "replica")} now. The number holds until the next deploy or scaling.`)),
        ],
        async run(form) {
            const count = Number(form.get("replicas"));
            await ask("POST", path`/api/v1/applications/${application}/deployments/${deployment}/scale`,
                { target_num_replicas: count });
            return `${deployment} is scaled to ${plural(count, "replica")}`;
        },
    });
}

function remove(application) {
    open({
        title: `Delete ${application}?`,
        confirm: "Delete",
        isDanger: true,
        content: () => [
            h("p", { key: "text" }, "Its route and all its replicas go. Requests that are under way finish."),
        ],
        async run() {
            const answer = await ask("DELETE", path`/api/v1/applications/${application}`);
            return answer.message ?? `${application} is being deleted`;
        },
    });
}

/** Shows what was deployed and what going back would change, then goes back. */
async function rollBack(application) {
    const state = { revisions: null, chosen: null, plan: null, error: null };
    async function load(work) {
        try { await work(); } catch (error) { state.error = error; }
        draw();
    }
    async function choose(revision) {
        Object.assign(state, { chosen: revision, plan: null, error: null });
        draw();
        await load(async () => {
            const plan = await ask("GET", `${path`/api/v1/plan?application=${application}`}&revision=${revision}`);
            if (state.chosen === revision) state.plan = plan;
        });
    }
    open({
        title: `Roll back ${application}`,
        confirm: "Roll back",
        isReady: () => state.plan?.changes.some((change) => change.action !== "unchanged") ?? false,
        content: () => [
            state.error ? h("p.error", { role: "alert", key: "problem" }, state.error.message) : null,
            state.revisions ? choices(state, choose) : h("p", { key: "wait" }, "Reading the revisions …"),
            state.plan ? plan(state) : null,
        ],
        async run() {
            await ask("POST", path`/api/v1/applications/${application}/rollback`, { revision: state.chosen });
            refetch();
            return `${application} goes back to revision ${state.chosen}`;
        },
    });
    await load(async () => {
        const answer = await ask("GET", path`/api/v1/applications/${application}/revisions`);
        state.revisions = answer.revisions;
        const before = answer.revisions.find((revision) => !revision.is_current);
        if (before) await choose(before.revision);
    });
}

function choices(state, choose) {
    const isAlone = state.revisions.every((revision) => revision.is_current);
    return h("fieldset.revisions", { key: "revisions" }, h("legend", null, isAlone ? "There is no other revision" : "Revision"),
        state.revisions.map((revision) => h("label", { key: `revision ${revision.revision}` },
            h("input", {
                type: "radio", name: "revision", value: revision.revision, disabled: revision.is_current,
                checked: state.chosen === revision.revision, onChange: () => choose(revision.revision),
            }),
            h("strong", null, String(revision.revision)),
            h("span", null, revision.is_current ? "runs now, " : "", `deployed ${duration(age(revision.deployed_at))} ago (${clock(revision.deployed_at)})`),
            h("span.quiet", null, revision.deployments.join(", ")))));
}

function plan(state) {
    return h("div.plan", { key: "plan" }, h("h3", null, `What revision ${state.chosen} changes`),
        table("the plan", [{ name: "Deployment" }, { name: "Change" }, { name: "Because of" }, { name: "How" }],
            state.plan.changes.map((change) => ({
                key: change.deployment,
                cells: [
                    change.deployment.slice(change.deployment.indexOf("/") + 1), change.action,
                    (change.fields ?? []).map(({ name, from, to }) => (from === to ? name : `${name}: ${from} → ${to}`)).join(", "),
                    change.method,
                ],
            }))));
}

function enterToken(after = () => {}) {
    open({
        title: "Token",
        confirm: "Keep in this tab",
        content: () => [],
        asksToken: true,
        async run() {
            after();
            return "The token is kept in this tab";
        },
    });
}
