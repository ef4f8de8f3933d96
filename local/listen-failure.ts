/**
 * Why an address could not be listened on, with what to do about it.
 *
 * @param option - the command line's option that chooses another one: `--smtp`, `--http`
 */
export function listenFailure(cause: NodeJS.ErrnoException, option: string): string {
  switch (cause.code) {
    case "EADDRINUSE":
      return `something listens there already: stop it, or choose another port with ${option} host:port`;
    case "EACCES":
      return `ports below 1024 need a privilege: choose another with ${option} host:port`;
    case "EADDRNOTAVAIL":
      return `this machine has no such address: choose 127.0.0.1 or one of its own with ${option} host:port`;
    default:
      return cause.message;
  }
}
