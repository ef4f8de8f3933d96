import { DeadLetters } from "./dead-letters.tsx";
import { Failed } from "./failed.tsx";
import { Quarantine } from "./quarantine.tsx";
import { SearchReplay } from "./search-replay.tsx";

/** What did not go through, why, and the button that mends it. */
export function Repair() {
  return (
    <>
      <h2>Repair</h2>
      <Failed />
      <Quarantine />
      <DeadLetters />
      <SearchReplay />
    </>
  );
}
