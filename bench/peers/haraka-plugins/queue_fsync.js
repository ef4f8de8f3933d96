// One file a message, durable before Haraka says 250: the least a queue must do.
const fs = require("node:fs");
const path = require("node:path");

exports.hook_queue = (next, connection) => {
  const { transaction } = connection;
  if (!transaction) return next();
  const file = fs.createWriteStream(path.join(process.env.BENCH_SPOOL, `${transaction.uuid}.eml`), { flush: true });
  file.once("error", (error) => next(DENYSOFT, error.message));
  file.once("close", () => next(OK));
  transaction.message_stream.pipe(file);
};
