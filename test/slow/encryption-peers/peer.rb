# frozen_string_literal: true

# The S3 encryption clients of the AWS SDK for Ruby behind lines of JSON: see encryption-peers.test.ts.
require 'aws-sdk-kms'
require 'aws-sdk-s3'
require 'base64'
require 'json'

S3_URL, KMS_URL, KEY_ARN = ARGV
ACCESS = { region: 'us-east-1', credentials: Aws::Credentials.new('test', 'test'), retry_limit: 0 }.freeze
PLAIN = Aws::S3::Client.new(**ACCESS, endpoint: S3_URL, force_path_style: true)
KMS = Aws::KMS::Client.new(**ACCESS, endpoint: KMS_URL)
CONTEXT = { 'aws:ses:rule-name' => 'store', 'aws:ses:source-account' => '111122223333' }.freeze

def options(asked)
  location = asked['Instruction'] ? :instruction_file : :metadata
  { client: PLAIN, kms_client: KMS, kms_key_id: KEY_ARN, envelope_location: location }
end

def legacy(asked)
  Aws::S3::Encryption::Client.new(**options(asked))
end

def current(asked)
  Aws::S3::EncryptionV2::Client.new(
    **options(asked),
    key_wrap_schema: :kms_context,
    content_encryption_schema: :aes_gcm_no_padding,
    security_profile: :v2_and_legacy
  )
end

def put(asked)
  object = { bucket: 'mail', key: asked['Key'], body: Base64.decode64(asked['Body']) }
  if asked['Format'] == 'v2 kms+context gcm'
    current(asked).put_object(**object, kms_encryption_context: CONTEXT)
  else
    legacy(asked).put_object(**object)
  end
  nil
end

def get(asked)
  object = { bucket: 'mail', key: asked['Key'] }
  context = asked['Format'] == 'v2 kms+context gcm' ? CONTEXT : {}
  response = current(asked).get_object(
    **object, kms_encryption_context: context, kms_allow_decrypt_with_any_cmk: true
  )
  response.body.read
end

$stderr = File.open(File::NULL, 'w') # deprecation notices of the old client
while (line = $stdin.gets)
  asked = JSON.parse(line)
  begin
    body = asked['Op'] == 'put' ? put(asked) : get(asked)
    puts JSON.generate(body: Base64.strict_encode64(body || ''), error: '')
  rescue StandardError => e
    puts JSON.generate(body: '', error: "#{e.class}: #{e.message}")
  end
  $stdout.flush
end
