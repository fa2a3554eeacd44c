/** Open support cases. */

import type { Section, Ticket } from "../../api/contract";
import { Day, LinkOut, Said } from "../pieces";
import { Block } from "./block";

export function Cases({ section }: { section: Section<Ticket[]> | undefined }) {
  return (
    <Block name="cases" title="Cases" section={section}>
      {(tickets) =>
        tickets.length === 0 ? (
          <p class="quiet">No cases</p>
        ) : (
          <ul class="likely">
            {tickets.map((ticket) => (
              <li key={`${ticket.source}-${ticket.number}`}>
                <LinkOut to={ticket.url}>{ticket.number}</LinkOut>{" "}
                <Said>{ticket.subject ?? "no subject"}</Said>
                <span class="quiet">
                  {[ticket.status, ticket.priority].filter(Boolean).map((word) => ` · ${word}`)} ·{" "}
                  <Day value={ticket.updated_at} />
                </span>
              </li>
            ))}
          </ul>
        )
      }
    </Block>
  );
}
