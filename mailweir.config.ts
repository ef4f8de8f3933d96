import { defineMail } from "./shared/config/define-mail.ts";

// What this machine does with mail. Add a stream of your own in three lines; docs/configuration.md names every setting.
export default defineMail({
  domains: ["example.com"],
  streams: {
    ticket: { recipients: ["support@example.com"] },
    unsubscribe: { recipients: ["unsubscribe@example.com"] },
    personal: {
      recipients: ["example.com"],
      delivery: {
        "ann@example.com": { maildir: "ann" },
        "bob@example.com": { maildir: "bob" },
      },
    },
  },
});
