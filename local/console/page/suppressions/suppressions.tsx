import { useState } from "preact/hooks";
import type { Suppression } from "../../../../shared/ports.ts";
import { send } from "../shell/api.ts";
import { hrefOf } from "../shell/route.ts";
import { ActButton } from "../show/act-button.tsx";
import { Empty } from "../show/empty.tsx";
import { Facts } from "../show/facts.tsx";
import { PagedList } from "../show/paged-list.tsx";
import { Pill } from "../show/pill.tsx";
import { safe } from "../show/text.ts";
import { Time } from "../show/time.tsx";

const all = "*";

interface SuppressionsAnswer {
  readonly suppressions: readonly Suppression[];
  readonly next: string | null;
}

/** Who wants no mail, of which list, since when and on what evidence. */
export function Suppressions() {
  return (
    <>
      <h2>Suppressions</h2>
      <Add />
      <PagedList
        name="suppressions"
        path="/suppressions"
        cursor="after"
        items={({ suppressions }: SuppressionsAnswer) => suppressions}
        keyOf={({ person, list }) => `${person} ${list}`}
        row={(suppression, again) => <Row suppression={suppression} again={again} />}
        empty={
          <Empty
            title="Nobody is on the list"
            hint="Unsubscribe requests, complaints and hard bounces come here by themselves. Play one from Compose."
          />
        }
      />
    </>
  );
}

function Add() {
  const [address, setAddress] = useState("");
  const [list, setList] = useState("");
  const body = { address: address.trim(), ...(list.trim() !== "" && { list: list.trim() }) };
  const check = async () => {
    const query = new URLSearchParams(body);
    const { suppressed, suppression } = await send<{ suppressed: boolean; suppression?: Suppression }>(
      "GET",
      `/suppressions/check?${query}`,
    );
    return suppressed ? `suppressed: ${suppression?.reason ?? "yes"}` : "may be written to";
  };
  const add = async () => {
    const { result } = await send<{ result: string }>("POST", "/suppressions", body);
    return result === "added" ? "suppressed" : "was suppressed already";
  };
  return (
    <section class="card fields" aria-label="One address">
      <div class="pair">
        <label>
          Address
          <input type="text" value={address} onInput={(event) => setAddress(event.currentTarget.value)} />
        </label>
        <label>
          List; empty: all mail
          <input type="text" value={list} onInput={(event) => setList(event.currentTarget.value)} />
        </label>
      </div>
      <p class="buttons">
        <ActButton act={check}>May we write?</ActButton>
        <ActButton act={add}>Suppress</ActButton>
      </p>
    </section>
  );
}

function Row({ suppression, again }: { suppression: Suppression; again: () => void }) {
  const { person, address, list, reason, since, until, evidence } = suppression;
  const remove = async () => {
    const body = { person, ...(list !== all && { list }) };
    const { result } = await send<{ result: string }>("POST", "/suppressions/remove", body);
    again();
    return result;
  };
  const forget = async () => {
    await send("POST", "/suppressions/forget", { person });
    again();
    return "forgotten";
  };
  return (
    <>
      <div class="head">
        <b>{address === undefined ? "address not kept" : safe(address)}</b>
        <Pill state={reason} tone="off" />
        <span class="meta">{list === all ? "all mail" : `list ${safe(list)}`}</span>
      </div>
      <Facts
        of={[
          ["since", <Time key="since" at={since} />],
          ["until", until && <Time at={until} />],
          ["evidence", evidence.note],
          [
            "mail",
            evidence.sesMessageId && <a href={hrefOf("message", [evidence.sesMessageId])}>{evidence.sesMessageId}</a>,
          ],
        ]}
      />
      <p class="buttons">
        <ActButton act={remove} label={`Remove ${address ?? person}`}>
          Remove
        </ActButton>
        {address !== undefined && (
          <ActButton act={forget} kind="danger" label={`Forget ${address}`}>
            Forget the address
          </ActButton>
        )}
      </p>
    </>
  );
}
