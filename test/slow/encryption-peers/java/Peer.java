import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.Base64;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.protocols.jsoncore.JsonNode;
import software.amazon.awssdk.protocols.jsoncore.JsonNodeParser;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.encryption.s3.CommitmentPolicy;
import software.amazon.encryption.s3.S3EncryptionClient;
import software.amazon.encryption.s3.algorithms.AlgorithmSuite;
import software.amazon.encryption.s3.internal.InstructionFileConfig;
import software.amazon.encryption.s3.materials.KmsKeyring;

/** AWS's S3 Encryption Client for Java, version 4, behind lines of JSON: see encryption-peers.test.ts. */
public class Peer {
  static final Map<String, String> CONTEXT =
      Map.of("aws:ses:rule-name", "store", "aws:ses:source-account", "111122223333");

  static S3Client s3;
  static S3AsyncClient s3Async;
  static KmsClient kms;
  static String keyArn;

  public static void main(String[] args) throws Exception {
    var access = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
    keyArn = args[2];
    s3 = S3Client.builder().endpointOverride(URI.create(args[0])).region(Region.US_EAST_1)
        .credentialsProvider(access).forcePathStyle(true)
        .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
        .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
        .build();
    s3Async = S3AsyncClient.builder().endpointOverride(URI.create(args[0])).region(Region.US_EAST_1)
        .credentialsProvider(access).forcePathStyle(true)
        .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
        .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
        .build();
    kms = KmsClient.builder().endpointOverride(URI.create(args[1])).region(Region.US_EAST_1)
        .credentialsProvider(access).build();

    var lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      var asked = JsonNodeParser.create().parse(line).asObject();
      String body = "";
      String error = "";
      try {
        body = Base64.getEncoder().encodeToString(answer(asked));
      } catch (Exception refused) {
        error = String.valueOf(refused).replaceAll("[^ -~]|[\"\\\\]", "?");
      }
      System.out.printf("{\"body\":\"%s\",\"error\":\"%s\"}%n", body, error);
    }
    System.exit(0);
  }

  static byte[] answer(Map<String, JsonNode> asked) {
    String format = asked.get("Format").text();
    String key = asked.get("Key").text();
    boolean instruction = asked.containsKey("Instruction") && asked.get("Instruction").asBoolean();
    // Wrapping "kms" takes the stored context as it is; the others compare it with the reader's.
    Map<String, String> context = format.startsWith("v2 kms ") ? Map.of() : CONTEXT;
    // Not closed: it would close the clients that it wraps, which serve the next line.
    S3EncryptionClient client = client(format.startsWith("v3"), instruction);
    var additional = S3EncryptionClient.withAdditionalConfiguration(context);
    if (asked.get("Op").text().equals("get")) {
      return client.getObjectAsBytes(
          get -> get.bucket("mail").key(key).overrideConfiguration(additional)).asByteArray();
    }
    byte[] plain = Base64.getDecoder().decode(asked.get("Body").text());
    client.putObject(
        put -> put.bucket("mail").key(key).overrideConfiguration(additional), RequestBody.fromBytes(plain));
    return new byte[0];
  }

  static S3EncryptionClient client(boolean committed, boolean instruction) {
    return S3EncryptionClient.builderV4()
        .wrappedClient(s3)
        .wrappedAsyncClient(s3Async)
        .keyring(KmsKeyring.builder().kmsClient(kms).wrappingKeyId(keyArn)
            .enableLegacyWrappingAlgorithms(!committed).build())
        .encryptionAlgorithm(committed
            ? AlgorithmSuite.ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY
            : AlgorithmSuite.ALG_AES_256_GCM_IV12_TAG16_NO_KDF)
        .commitmentPolicy(committed
            ? CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
            : CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)
        .enableLegacyUnauthenticatedModes(!committed)
        .instructionFileConfig(InstructionFileConfig.builder()
            .instructionFileClient(s3).enableInstructionFilePutObject(instruction).build())
        .build();
  }
}
