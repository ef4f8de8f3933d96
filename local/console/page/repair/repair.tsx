import { Quarantine } from "./quarantine.tsx";

/** What did not go through, why, and the button that mends it. */
export function Repair() {
  return (
    <>
      <h2>Repair</h2>
      <Quarantine />
    </>
  );
}
