import { expect, test } from "vitest";
import { safeFileName } from "../../../shared/mail/safe-file-name.ts";

test.for([
  "../../etc/passwd",
  "..\\..\\windows\\system32\\x.dll",
  "/etc/passwd",
  "C:\\autoexec.bat",
  "a/b/c.txt",
  "..",
  ".",
  "",
  "con",
  "NUL.txt",
  "lpt1",
  "a\0.exe",
  "a\r\nContent-Type: text/html",
  "invoice\u202egpj.exe",
  "\u2066a\u2069",
  "a".repeat(5_000),
  "é".repeat(5_000),
  " .hidden. ",
  'a:b|c?d*e<f>g"h',
  "\ud800",
])("%j stays one harmless name", (name) => {
  const safe = safeFileName(name, "attachment");
  expect(safe).not.toMatch(/[/\\:<>"|?*\u0000-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/);
  expect(safe).not.toMatch(/^(?:\.|con$|nul\.|lpt1$|$)/i);
  expect(safe).not.toMatch(/[. ]$/);
  expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(200);
  expect(safe.isWellFormed()).toBe(true);
});

test("an ordinary name stays as it is, an extension survives the cut", () => {
  expect(safeFileName("Rechnung März 2024.pdf", "x")).toBe("Rechnung März 2024.pdf");
  expect(safeFileName(`${"a".repeat(500)}.pdf`, "x")).toMatch(/^a+\.pdf$/);
  expect(safeFileName(undefined, "part-2")).toBe("part-2");
});
