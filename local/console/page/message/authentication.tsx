import type { Journey } from "../../journey.ts";
import { Empty } from "../show/empty.tsx";
import { Pill } from "../show/pill.tsx";
import { safe } from "../show/text.ts";
import { type Explained, explain } from "./authentication-words.ts";

/** What was checked about the sender and what it means, in sentences. */
export function Authentication({ journey }: { journey: Journey }) {
  if (journey.verification === null) {
    return <Empty title="Under way" hint="What is found is shown as soon as it is recorded." />;
  }
  return (
    <ul class="list">
      {explain(journey.verification, journey).map((one) => (
        <Row key={one.name} {...one} />
      ))}
    </ul>
  );
}

function Row({ name, verdict, says, means }: Explained) {
  return (
    <li>
      <div class="head">
        <h3>{name}</h3>
        <Pill state={verdict} />
      </div>
      <p>{safe(says)}</p>
      <p class="meta">{means}</p>
    </li>
  );
}
