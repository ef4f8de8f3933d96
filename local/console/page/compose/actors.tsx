import { useState } from "preact/hooks";
import { send, wordsOf } from "../shell/api.ts";
import { Result, type Submitted } from "./send-form.tsx";

/** `GET /api/actors`. */
export interface ActorsAnswer {
  readonly actors: readonly { readonly name: string; readonly description: string }[];
  /** Whom they write to unless told otherwise. */
  readonly to: string;
}

/** The cast: each sends one mail that people and machines really send. */
export function Actors({ answer }: { answer: ActorsAnswer }) {
  const [to, setTo] = useState(answer.to);
  return (
    <section aria-labelledby="actors">
      <h3 id="actors">Canned actors</h3>
      <label class="field narrow">
        They write to
        <input type="text" value={to} onInput={(event) => setTo(event.currentTarget.value)} />
      </label>
      <ul class="cards">
        {answer.actors.map((actor) => (
          <Actor key={actor.name} {...actor} to={to} />
        ))}
      </ul>
    </section>
  );
}

function Actor({ name, description, to }: { name: string; description: string; to: string }) {
  const [result, setResult] = useState<Submitted | { readonly error: string } | "under way">();
  const play = async () => {
    setResult("under way");
    try {
      setResult(await send<Submitted>("POST", `/actors/${name}`, { to }));
    } catch (error) {
      setResult({ error: wordsOf(error) });
    }
  };
  return (
    <li class="card actor">
      <h4>{name}</h4>
      <p>{description}</p>
      <p class="buttons">
        <button type="button" onClick={play} aria-label={`Play ${name}`}>
          Play
        </button>
        <span role="status">{result !== undefined && <Result result={result} />}</span>
      </p>
    </li>
  );
}
