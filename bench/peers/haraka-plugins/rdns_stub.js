// Name servers are not what is measured: each client has a name at once.
exports.hook_lookup_rdns = (next) => next(OK, "client.example");
