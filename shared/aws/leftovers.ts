/** The list of what somebody wrote and is to hand to the propagation queue: found there when they died in between. */
export const leftovers = "propagate";
