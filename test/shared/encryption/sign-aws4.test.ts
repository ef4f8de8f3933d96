import { expect, test } from "vitest";
import { signAws4 } from "../../../shared/encryption/sign-aws4.ts";

// From AWS's published Signature Version 4 test suite: its key, its clock, its service.
const suite = {
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
  region: "us-east-1",
  service: "service",
  now: new Date("2015-08-30T12:36:00Z"),
};
const url = new URL("https://example.amazonaws.com/");

test.for<[string, Parameters<typeof signAws4>[0], string, string]>([
  [
    "get-vanilla",
    { method: "GET", url, headers: {}, body: "" },
    "host;x-amz-date",
    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  ],
  [
    "post-vanilla",
    { method: "POST", url, headers: {}, body: "" },
    "host;x-amz-date",
    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  ],
  [
    "post-x-www-form-urlencoded",
    {
      method: "POST",
      url,
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: "Param1=value1",
    },
    "content-type;host;x-amz-date",
    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  ],
  [
    "get-header-value-trim",
    { method: "GET", url, headers: { "My-Header1": " value1", "My-Header2": ' "a   b   c"' }, body: "" },
    "host;my-header1;my-header2;x-amz-date",
    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
  ],
])("%s has the published signature", ([, request, names, signature]) => {
  expect(signAws4(request, suite)).toMatchObject({
    "x-amz-date": "20150830T123600Z",
    authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
  });
});

test("a session token is sent and signed", () => {
  const credentials = { ...suite.credentials, sessionToken: "token" };
  const signed = signAws4({ method: "POST", url, headers: {}, body: "" }, { ...suite, credentials });
  expect(signed).toMatchObject({
    "x-amz-security-token": "token",
    authorization: expect.stringContaining("SignedHeaders=host;x-amz-date;x-amz-security-token,"),
  });
});
