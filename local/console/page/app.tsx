import { render } from "preact";
import { listen } from "./shell/live.ts";
import { Shell } from "./shell/shell.tsx";

// The console. Whatever came by mail is put in as text, never as HTML; a mail's own HTML is a frame that can do nothing.
listen();
const place = document.getElementById("app");
if (place) render(<Shell />, place);
