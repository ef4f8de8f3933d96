import {
  DeleteSuppressedDestinationCommand,
  PutSuppressedDestinationCommand,
  SESv2Client,
} from "@aws-sdk/client-sesv2";
import type { AccountList } from "../ports.ts";
import { call, errorName } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";

export function openAccountList(connection: Connection): AccountList {
  return createAccountList(new SESv2Client(clientOptions(connection)));
}

/** SES's account-level suppression list. */
export function createAccountList(client: SESv2Client): AccountList {
  return {
    async put(address, reason) {
      const command = new PutSuppressedDestinationCommand({ EmailAddress: address, Reason: reason });
      await call("SES PutSuppressedDestination", () => client.send(command));
      return "done";
    },
    async remove(address) {
      const command = new DeleteSuppressedDestinationCommand({ EmailAddress: address });
      try {
        await call("SES DeleteSuppressedDestination", () => client.send(command), ["NotFoundException"]);
      } catch (error) {
        if (errorName(error) !== "NotFoundException") throw error;
      }
      return "done";
    },
  };
}
