// What an application on tsdav does: node drive.cjs ENVIRONMENT URL USER PASSWORD
"use strict";
const assert = require("node:assert/strict");
const { createRequire } = require("node:module");

const [environment, serverUrl, username, password] = process.argv.slice(2);
const { createDAVClient, DAVNamespaceShort } = createRequire(`${environment}/`)("tsdav");
const credentials = { username, password };

const event = (uid, summary, day) =>
  [
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Driver//EN", "BEGIN:VEVENT",
    `UID:${uid}`, "DTSTAMP:20300101T000000Z", `DTSTART:203001${day}T100000Z`,
    `DTEND:203001${day}T110000Z`, `SUMMARY:${summary}`, "END:VEVENT", "END:VCALENDAR", "",
  ].join("\r\n");
const card = (uid, name) =>
  [
    "BEGIN:VCARD", "VERSION:3.0", `UID:${uid}`, `FN:${name}`, `N:${name};;;;`,
    `EMAIL:${uid}@elsewhere.test`, "END:VCARD", "",
  ].join("\r\n");
const ok = (response, ...statuses) =>
  assert.ok(statuses.includes(response.status), `${response.url}: ${response.status}`);
const named = (found, name) => found.find((one) => one.displayName === name);
const window = { start: "2030-01-01T00:00:00Z", end: "2030-02-01T00:00:00Z" };

async function login(defaultAccountType, given = credentials) {
  return createDAVClient({
    serverUrl, credentials: given, authMethod: "Basic", defaultAccountType,
  });
}

async function calendars() {
  const client = await login("caldav");
  const account = await client.createAccount({ account: { serverUrl, accountType: "caldav" } });
  assert.ok(account.homeUrl.includes(`/dav/calendars/`), account.homeUrl);
  assert.ok((await client.fetchCalendarUserAddresses({ account })).includes(`mailto:${username}`));
  const before = await client.fetchCalendars();
  assert.ok(before.length > 0);

  const url = new URL("driven/", account.homeUrl).href;
  const props = { [`${DAVNamespaceShort.DAV}:displayname`]: "Driven" };
  const [made] = await client.makeCalendar({ url, props });
  assert.equal(made.status, 201);
  let calendar = named(await client.fetchCalendars(), "Driven");
  assert.ok(calendar.syncToken && calendar.ctag, JSON.stringify(calendar));
  assert.ok(calendar.components.includes("VEVENT"));
  assert.ok(calendar.reports.includes("syncCollection"), calendar.reports.join());
  const detailed = await client.syncCalendarsDetailed({ oldCalendars: before });
  assert.deepEqual(detailed.created.map((one) => one.displayName), ["Driven"]);

  const create = (uid, summary, day) =>
    client.createCalendarObject({
      calendar, filename: `${uid}.ics`, iCalString: event(uid, summary, day),
    });
  ok(await create("one", "first", "10"), 201);
  ok(await create("two", "second", "20"), 201);
  ok(await create("one", "again", "10"), 412);
  const objects = await client.fetchCalendarObjects({ calendar });
  assert.equal(objects.length, 2);
  const one = objects.find((found) => found.url.endsWith("one.ics"));
  // Its XML parser takes line ends for what XML says they are, and white space off the ends.
  const sent = event("one", "first", "10").replaceAll("\r\n", "\n").trim();
  assert.equal(one.data.replaceAll("\r\n", "\n"), sent);
  const early = { start: "2030-01-09T00:00:00Z", end: "2030-01-11T00:00:00Z" };
  for (const expand of [false, true]) {
    const found = await client.fetchCalendarObjects({ calendar, timeRange: early, expand });
    assert.deepEqual(found.map((each) => each.etag), [one.etag]);
  }
  const single = await client.fetchCalendarObjects({ calendar, objectUrls: [one.url] });
  assert.deepEqual(single, [one]);

  assert.ok((await client.isCollectionDirty({ collection: calendar })).isDirty);
  const objectMultiGet = client.calendarMultiGet;
  const fetchObjects = ({ collection }) => client.fetchCalendarObjects({ calendar: collection });
  calendar = named(await client.fetchCalendars(), "Driven");
  calendar = { ...calendar, objects, objectMultiGet, fetchObjects };
  assert.ok(!(await client.isCollectionDirty({ collection: calendar })).isDirty);
  const changed = { ...one, data: event("one", "moved", "12") };
  ok(await client.updateCalendarObject({ calendarObject: changed }), 204);
  ok(await client.updateCalendarObject({ calendarObject: changed }), 412);
  const two = objects.find((found) => found.url.endsWith("two.ics"));
  ok(await client.deleteCalendarObject({ calendarObject: two }), 204);
  ok(await create("three", "third", "25"), 201);
  for (const method of ["webdav", "basic"]) {
    const synced = await client.smartCollectionSyncDetailed({ collection: calendar, method, account });
    const seen = Object.entries(synced.objects).map(([what, which]) => [
      what, which.map((each) => each.url.split("/").pop()),
    ]);
    const wanted = { created: ["three.ics"], updated: ["one.ics"], deleted: ["two.ics"] };
    assert.deepEqual(Object.fromEntries(seen), wanted, method);
    assert.notEqual(synced.syncToken, method === "webdav" ? calendar.syncToken : undefined);
  }
  const busy = await client.freeBusyQuery({ url: calendar.url, timeRange: window });
  ok(busy, 200);
  ok(await client.deleteObject({ url: calendar.url }), 204);
  assert.equal(named(await client.fetchCalendars(), "Driven"), undefined);
}

async function contacts() {
  const client = await login("carddav");
  const account = await client.createAccount({ account: { serverUrl, accountType: "carddav" } });
  const url = new URL("driven/", account.homeUrl).href;
  const [made] = await client.makeCollection({
    url,
    props: {
      [`${DAVNamespaceShort.DAV}:displayname`]: "Driven",
      [`${DAVNamespaceShort.DAV}:resourcetype`]: {
        [`${DAVNamespaceShort.DAV}:collection`]: {},
        [`${DAVNamespaceShort.CARDDAV}:addressbook`]: {},
      },
    },
  });
  assert.equal(made.status, 201);
  const addressBook = named(await client.fetchAddressBooks(), "Driven");
  for (const name of ["Ada", "Bea"]) {
    const vCardString = card(name.toLowerCase(), name);
    ok(await client.createVCard({ addressBook, filename: `${name}.vcf`, vCardString }), 201);
  }
  const cards = await client.fetchVCards({ addressBook });
  assert.equal(cards.length, 2);
  const ada = cards.find((found) => found.url.endsWith("Ada.vcf"));
  assert.match(ada.data, /FN:Ada/);
  const data = card("ada", "Ada King");
  ok(await client.updateVCard({ vCard: { ...ada, data } }), 204);
  ok(await client.updateVCard({ vCard: { ...ada, data } }), 412);
  const [again] = await client.fetchVCards({ addressBook, objectUrls: [ada.url] });
  assert.match(again.data, /FN:Ada King/);
  const found = await client.addressBookQuery({
    url: addressBook.url,
    props: { [`${DAVNamespaceShort.DAV}:getetag`]: {} },
    filters: {
      "prop-filter": {
        _attributes: { name: "FN" },
        "text-match": { _attributes: { "match-type": "contains" }, _text: "king" },
      },
    },
    depth: "1",
  });
  assert.deepEqual(found.map((each) => each.href.split("/").pop()), ["Ada.vcf"]);
  const full = named(await client.fetchAddressBooks(), "Driven");
  ok(await client.deleteVCard({ vCard: again }), 204);
  const synced = await client.smartCollectionSyncDetailed({
    collection: { ...full, objects: cards, objectMultiGet: client.addressBookMultiGet },
    method: "webdav", account,
  });
  assert.deepEqual(synced.objects.deleted.map((each) => each.url), [ada.url]);
  ok(await client.deleteObject({ url: addressBook.url }), 204);
}

async function main() {
  await assert.rejects(login("caldav", { username, password: "wrong" }));
  await calendars();
  await contacts();
  console.log("all done");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
