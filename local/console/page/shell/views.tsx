import type { JSX } from "preact";
import { Compose } from "../compose/compose.tsx";
import { Message } from "../message/message.tsx";
import { Messages } from "../messages/messages.tsx";
import { Outbox } from "../outbox/outbox.tsx";
import { Refusals } from "../refusals/refusals.tsx";
import { Repair } from "../repair/repair.tsx";
import { Rules } from "../rules/rules.tsx";
import { Streams } from "../streams/streams.tsx";
import { Suppressions } from "../suppressions/suppressions.tsx";
import { Ticket } from "../tickets/ticket.tsx";
import { Tickets } from "../tickets/tickets.tsx";
import type { Route } from "./route.ts";

export interface View {
  readonly title: string;
  /** The entry of the menu that it belongs to. */
  readonly menu: string;
  readonly draw: (route: Route) => JSX.Element;
}

/** Every place of the console by the first part of its address. */
export const views: Readonly<Record<string, View>> = {
  "": { title: "Messages", menu: "", draw: ({ query }) => <Messages search={query.get("q") ?? ""} /> },
  stream: {
    title: "Messages",
    menu: "",
    draw: ({ parts: [stream = "none"], query }) => <Messages stream={stream} search={query.get("q") ?? ""} />,
  },
  message: {
    title: "Message",
    menu: "",
    draw: ({ parts: [id = "", tab = "journey"], query }) => (
      <Message key={id} id={id} tab={tab} remote={query.get("remote") === "1"} />
    ),
  },
  refusals: { title: "Refusals", menu: "refusals", draw: () => <Refusals /> },
  repair: { title: "Repair", menu: "repair", draw: () => <Repair /> },
  quarantine: { title: "Repair", menu: "repair", draw: () => <Repair /> },
  outbox: { title: "Outbox", menu: "outbox", draw: () => <Outbox /> },
  rules: { title: "Rules", menu: "rules", draw: ({ query }) => <Rules dns={query.get("dns") === "1"} /> },
  compose: { title: "Compose", menu: "compose", draw: () => <Compose /> },
  tickets: {
    title: "Tickets",
    menu: "tickets",
    draw: ({ query }) => <Tickets state={query.get("state") ?? "open"} text={query.get("text") ?? ""} />,
  },
  ticket: { title: "Ticket", menu: "tickets", draw: ({ parts: [id = ""] }) => <Ticket key={id} id={id} /> },
  suppressions: { title: "Suppressions", menu: "suppressions", draw: () => <Suppressions /> },
  streams: {
    title: "Streams",
    menu: "streams",
    draw: ({ query }) => <Streams hours={Number(query.get("hours")) || 24} />,
  },
};

export const menu: readonly (readonly [name: string, title: string])[] = [
  ["", "Messages"],
  ["refusals", "Refusals"],
  ["compose", "Compose"],
  ["repair", "Repair"],
  ["rules", "Rules"],
  ["streams", "Streams"],
  ["tickets", "Tickets"],
  ["suppressions", "Suppressions"],
  ["outbox", "Outbox"],
];
