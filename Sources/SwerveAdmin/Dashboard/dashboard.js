"use strict";

// The token comes once in the fragment (#token=…), which browsers do not send, and stays with this tab.
const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
    sessionStorage.setItem("token", fragment.get("token"));
    history.replaceState(null, "", location.pathname);
}

// EventSource cannot send a token, so the events are read from a fetch.
async function follow() {
    const token = sessionStorage.getItem("token");
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const response = await fetch("/api/v1/events", { headers });
    if (!response.ok) throw new Error((await response.json()).error.message);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        text += value;
        const events = text.split("\n\n");
        text = events.pop();
        for (const event of events) {
            const lines = event.split("\n");
            const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
            if (lines.includes("event: status")) show(JSON.parse(data));
        }
    }
}

function show(status) {
    const body = document.querySelector("#deployments tbody");
    body.replaceChildren();
    for (const application of Object.values(status.applications)) {
        for (const deployment of Object.values(application.deployments)) {
            const row = body.insertRow();
            const running = deployment.replicas.filter((replica) => replica.state === "running").length;
            for (const text of [
                deployment.id, deployment.state, `${running} of ${deployment.target.replicas}`, deployment.message,
            ]) {
                row.insertCell().textContent = text;
            }
        }
    }
    document.querySelector("#connection").textContent = `process ${status.instance.process_id}`;
}

async function main() {
    for (;;) {
        try {
            await follow();
            document.querySelector("#connection").textContent = "the stream ended";
        } catch (error) {
            document.querySelector("#connection").textContent = String(error.message ?? error);
        }
        await new Promise((resolve) => setTimeout(resolve, 1000));
    }
}
main();
