"""AWS's S3 Encryption Client for Python, version 4, behind lines of JSON: see encryption-peers.test.ts."""

import base64
import json
import sys

import boto3
from botocore.config import Config
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.materials.kms_keyring import KmsKeyring
from s3_encryption.materials.materials import AlgorithmSuite, CommitmentPolicy

S3_URL, KMS_URL, KEY_ARN = sys.argv[1:]
ACCESS = {
    "region_name": "us-east-1",
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
    "config": Config(
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    ),
}
KMS = boto3.client("kms", endpoint_url=KMS_URL, **ACCESS)
CONTEXT = {"aws:ses:rule-name": "store", "aws:ses:source-account": "111122223333"}


def client(committed):
    suite = "ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY" if committed else "ALG_AES_256_GCM_IV12_TAG16_NO_KDF"
    policy = "REQUIRE_ENCRYPT_REQUIRE_DECRYPT" if committed else "FORBID_ENCRYPT_ALLOW_DECRYPT"
    config = S3EncryptionClientConfig(
        keyring=KmsKeyring(KMS, KEY_ARN, enable_legacy_wrapping_algorithms=True),
        encryption_algorithm=AlgorithmSuite[suite],
        commitment_policy=CommitmentPolicy[policy],
        enable_legacy_unauthenticated_modes=not committed,
    )
    return S3EncryptionClient(boto3.client("s3", endpoint_url=S3_URL, **ACCESS), config)


for line in sys.stdin:
    asked = json.loads(line)
    target = {"Bucket": "mail", "Key": asked["Key"]}
    try:
        s3 = client(asked["Format"].startswith("v3"))
        # Wrapping "kms" takes the stored context as it is; the others compare it with the reader's.
        context = {} if asked["Format"].startswith("v2 kms ") else {"EncryptionContext": CONTEXT}
        body = b""
        if asked["Op"] == "put":
            s3.put_object(**target, Body=base64.b64decode(asked["Body"]), **context)
        else:
            body = s3.get_object(**target, **context)["Body"].read()
        answer = {"body": base64.b64encode(body).decode(), "error": ""}
    except Exception as error:  # whatever it is, the test prints it
        answer = {"body": "", "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
