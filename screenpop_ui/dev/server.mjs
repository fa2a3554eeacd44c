/**
 * DEVELOPMENT TOOL AND TEST FIXTURE, not part of the product: serves the built pages with the
 * product's content security policy, and plays the server from the JSON cases of tests/cases.
 *
 *   npm run build && npm run dev [-- CASE [PORT]]
 *
 * Every page that connects is sent the messages of the current case, 150 ms apart.
 * POST /dev/case/NAME changes the case, POST /dev/drop cuts every socket.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import { answerApi } from "./api.mjs";

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const POLICY =
  "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'self'";
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};
const PAGES = { "/": "index.html", "/widget": "widget.html" };
const STEP_MS = 150;

let caseName = process.argv[2] ?? "complete";
const port = Number(process.argv[3] ?? 5173);

const readCase = async () =>
  JSON.parse(await readFile(`${folder("../tests/cases/")}${caseName}.json`, "utf8"));

const server = createServer(async (request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  response.setHeader("Content-Security-Policy", POLICY);
  response.setHeader("X-Content-Type-Options", "nosniff");
  if (path.startsWith("/dev/")) return control(path, response);
  if (path.startsWith("/api/")) return answerApi(request, response, await readCase());
  const file = PAGES[path] ?? (/^\/assets\/[\w.-]+$/.test(path) ? path.slice(1) : null);
  try {
    const body = await readFile(`${folder("../dist/")}${file}`);
    response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
    response.end(body);
  } catch {
    response.writeHead(404).end("not found");
  }
});

const sockets = new WebSocketServer({
  server,
  path: "/ws",
  handleProtocols: () => "screenpop.v1",
});

sockets.on("connection", async (socket) => {
  const { messages } = await readCase();
  messages.forEach((message, index) => {
    setTimeout(() => socket.send(JSON.stringify(message)), index * STEP_MS);
  });
  socket.on("message", (data) => {
    const message = JSON.parse(data.toString());
    console.log("from the page:", JSON.stringify(message));
    if (message.type === "ping") socket.send(JSON.stringify({ type: "pong" }));
    if (message.type === "dismiss") {
      const { call_id } = message;
      socket.send(JSON.stringify({ type: "close", call_id, reason: "dismissed" }));
    }
  });
});

function control(path, response) {
  const [, , what, name] = path.split("/");
  if (what === "case" && /^\w+$/.test(name)) caseName = name;
  if (what === "drop") for (const socket of sockets.clients) socket.terminate();
  response.writeHead(204).end();
}

server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/ plays ${caseName}`));
