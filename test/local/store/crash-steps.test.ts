import { expect, test } from "vitest";
import { elsewhere, essential, reads, sometimes } from "../../slow/crash/steps.ts";
import { openTemporary } from "./open-temporary.ts";

// Whoever adds a method to a port says here how it survives a kill.
test("every method of every port is in the crash matrix, killed elsewhere, or changes nothing", async () => {
  const { store } = await openTemporary();
  const all = Object.entries({ ...store.ports, engine: store.engine }).flatMap(([port, methods]) =>
    Object.keys(methods).map((method) => `${port}.${method}`),
  );
  const listed = [essential, sometimes, reads]
    .flatMap((list) => Object.entries(list).flatMap(([port, methods]) => methods.map((method) => `${port}.${method}`)))
    .concat(
      Object.entries(elsewhere).flatMap(([port, methods]) => Object.keys(methods).map((method) => `${port}.${method}`)),
    );
  expect(listed.toSorted()).toEqual([...new Set(listed)].toSorted());
  expect(listed.toSorted()).toEqual(all.toSorted());
});
