// An agent that pays invoices over MCP. It holds no signing key: the server signs, within the
// rules that a human set. Where they ask for a human, it waits until one has approved.
//
//   ONECLAW_MCP_URL=http://127.0.0.1:8210/mcp ONECLAW_AGENT_API_KEY=ocv_... node pay.mjs invoices.json

import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const { ONECLAW_MCP_URL: url, ONECLAW_AGENT_API_KEY: key } = process.env;
const [file] = process.argv.slice(2);
if (!url || !key || !file) {
  console.error("Set ONECLAW_MCP_URL and ONECLAW_AGENT_API_KEY, and name a file of invoices.");
  process.exit(2);
}

const mcp = new Client({ name: "pay", version: "1" });
await mcp.connect(
  new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { Authorization: `Bearer ${key}` } },
  }),
);

// use calls a tool and writes the transcript.
async function use(name, args) {
  console.log(`agent: ${name} ${JSON.stringify(args)}`);
  const result = await mcp.callTool({ name, arguments: args });
  const text = result.content[0].text;
  console.log(`vault: ${text}`);
  return { text, failed: result.isError === true };
}

// pay submits an invoice; the same again, while a human has yet to approve it.
async function pay(invoice) {
  for (;;) {
    const { text, failed } = await use("submit_transaction", {
      to: invoice.to,
      value: invoice.value,
      chain: invoice.chain,
    });
    const request = /approval request is ([0-9a-f-]{36})/.exec(text);
    if (!failed || !request) {
      return !failed;
    }
    console.log(`A human approves it with: oneclaw approval approve ${request[1]}`);
    await wait(2000);
  }
}

for (const invoice of JSON.parse(await readFile(file, "utf8"))) {
  console.log(`invoice ${invoice.number}: ${(await pay(invoice)) ? "paid" : "not paid"}`);
}
await mcp.close();
