/** DEVELOPMENT TOOL AND TEST FIXTURE: the REST calls of the pages, answered from memory. */

const USER = {
  user_id: "u-ada",
  email: "ada@example.com",
  name: "Ada Obi",
  role: "agent",
  extensions: ["101"],
  queues: ["sales"],
};
const notes = new Map();
const wrapUps = new Map();
let loggedIn = true;

const ani = (international) => ({
  raw: international,
  e164: international.replaceAll(" ", ""),
  national: international,
  international,
  region: "GB",
  line_type: null,
  withheld: false,
});

const record = (call_id, started_at, name, international, note, disposition) => ({
  call_id,
  phone_system: "pbx",
  direction: "inbound",
  state: note ? "ended" : "missed",
  ani: ani(international),
  started_at,
  customer: name ? { customer_id: `cu-${call_id}`, display_name: name } : null,
  notes: note
    ? [
        {
          note_id: "n-1",
          text: note,
          author: { user_id: "u-ben", name: "Ben" },
          updated_at: started_at,
        },
      ]
    : [],
  wrap_up: disposition ? { disposition, sentiment: null, follow_up: null } : null,
});

const MISSED = [
  record("pbx:m-1", "2026-11-21T09:41:00Z", "Marlowe & Sons", "+44 1632 960123", null, null),
  record("pbx:m-2", "2026-11-21T09:02:00Z", null, "+44 7700 900321", null, null),
  record("pbx:m-3", "2026-11-20T16:55:00Z", "شركة الخليج للمضخات", "+971 4 123 4567", null, null),
];
const TODAY = [
  record(
    "pbx:t-1",
    "2026-11-21T09:50:00Z",
    "Kestrel Garden Supplies Ltd",
    "+44 20 7946 0958",
    "Asked for the tracking number of SO-1042, sent by e-mail",
    "order_status",
  ),
  record(
    "pbx:t-2",
    "2026-11-21T08:31:00Z",
    "Orchard House Hotel",
    "+44 117 496 0777",
    "Wants a quote for 40 filters by Monday",
    "quote",
  ),
];
const DUE = [
  {
    call_id: "pbx:c-800",
    due_on: "2026-11-20",
    text: "Send the new price list",
    customer: { customer_id: "cu-7", display_name: "Orchard House Hotel" },
  },
  {
    call_id: "pbx:c-900",
    due_on: "2026-11-21",
    text: "Call back about HS-200",
    customer: { customer_id: "cu-100", display_name: "Kestrel Garden Supplies Ltd" },
  },
];

const problem = (status, title, detail, errors = []) => ({
  status,
  type: "application/problem+json",
  body: { type: "about:blank", title, status, detail, errors },
});

/** One request answered; the pop of the case stands for a look-up's profile. */
export async function answerApi(request, response, current) {
  const url = new URL(request.url, "http://localhost");
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : null;
  const path = decodeURIComponent(url.pathname.replace("/api/v1/", ""));
  const {
    status = 200,
    type = "application/json",
    body: answer,
  } = route(`${request.method} ${path}`, url, body, current);
  response.writeHead(status, { "Content-Type": type });
  response.end(answer === undefined ? "" : JSON.stringify(answer));
}

function route(what, url, body, current) {
  const [, callId, part] = /calls\/([^/]+)\/?([\w-]*)$/.exec(what) ?? [];
  if (what === "GET session") {
    return loggedIn ? { body: { user: USER } } : problem(401, "Not logged in", "Log in first.");
  }
  if (what === "POST session") {
    if (body.password !== "right") return problem(401, "Wrong", "Wrong e-mail or password.");
    loggedIn = true;
    return { body: { user: USER } };
  }
  if (what === "DELETE session") {
    loggedIn = false;
    return { status: 204 };
  }
  if (what === "GET calls") {
    return { body: { calls: url.searchParams.get("state") === "missed" ? MISSED : TODAY } };
  }
  if (part === "notes") {
    const note = { ...body, author: USER, updated_at: new Date().toISOString() };
    notes.set(callId, note);
    return { body: note };
  }
  if (part === "wrap-up") {
    wrapUps.set(callId, body);
    return { body };
  }
  if (callId) {
    const kept = notes.has(callId) ? [notes.get(callId)] : [];
    const wrap_up = wrapUps.get(callId) ?? null;
    return { body: { call_id: callId, customer: null, notes: kept, wrap_up } };
  }
  if (what === "GET follow-ups") return { body: { follow_ups: DUE } };
  const done = /^POST follow-ups\/(.+)\/done$/.exec(what);
  if (done) {
    const at = DUE.findIndex((item) => item.call_id === done[1]);
    if (at >= 0) DUE.splice(at, 1);
    return { status: 204 };
  }
  if (what === "GET dispositions") {
    return {
      body: {
        dispositions: ["order", "order_status", "complaint", "price_question", "quote", "other"],
      },
    };
  }
  if (what === "GET profiles") return profile(url.searchParams.get("phone"), current);
  return problem(404, "Not found", "There is nothing here.");
}

function profile(phone, current) {
  if (!/\d{3}/.test(phone)) {
    const detail = `"${phone}" is not a phone number. Write it with its country code: +44 20 …`;
    return problem(422, "Not a phone number", detail, [{ pointer: "/phone", detail }]);
  }
  const whole = current.messages.findLast((message) => message.type === "pop")?.pop;
  const {
    call: _call,
    version: _version,
    ...known
  } = whole ?? {
    match: { outcome: "none", shared_number: false, candidates: [], candidates_total: 0 },
    customer: null,
    sections: {},
    alerts: [],
  };
  return { body: known };
}
