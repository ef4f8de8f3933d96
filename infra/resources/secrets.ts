import type { Resources } from "../cloudformation.ts";
import type { Deployment } from "../deployment.ts";

/**
 * The secret of the token keys, made by AWS and seen by nobody, where the configuration names none of its own. It stays
 * when the stack goes: with another one every unsubscribe link that was ever sent would be broken.
 */
export function secretResources({ config }: Deployment): Resources {
  if (config.tokens !== undefined) return {};
  return {
    TokenSecret: {
      Type: "AWS::SecretsManager::Secret",
      DeletionPolicy: "RetainExceptOnCreate",
      UpdateReplacePolicy: "Retain",
      Properties: {
        Name: config.names.tokenSecret,
        Description: "Signs the tokens in unsubscribe and reply addresses",
        GenerateSecretString: { PasswordLength: 64, ExcludePunctuation: true },
      },
    },
  };
}
