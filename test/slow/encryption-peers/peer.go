// The S3 encryption clients of the AWS SDK for Go, version 1, behind lines of JSON: see encryption-peers.test.ts.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/kms"
	"github.com/aws/aws-sdk-go/service/s3"
	"github.com/aws/aws-sdk-go/service/s3/s3crypto"
)

type request struct {
	Op, Format, Key string
	Body            []byte
	Instruction     bool
}

type answer struct {
	Body  []byte `json:"body"`
	Error string `json:"error"`
}

func main() {
	var (
		s3Url, kmsUrl, keyArn = os.Args[1], os.Args[2], os.Args[3]
		config                = aws.Config{
			Region:      aws.String("us-east-1"),
			Credentials: credentials.NewStaticCredentials("test", "test", ""),
			MaxRetries:  aws.Int(0),
		}
		sess    = session.Must(session.NewSession(&config))
		s3Sess  = sess.Copy(&aws.Config{Endpoint: &s3Url, S3ForcePathStyle: aws.Bool(true)})
		service = kms.New(sess, &aws.Config{Endpoint: &kmsUrl})
	)
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		var result answer
		if asked.Op == "put" {
			err = put(s3Sess, service, keyArn, asked)
		} else {
			result.Body, err = get(s3Sess, service, asked)
		}
		if err != nil {
			result.Error = err.Error()
		}
		out, _ := json.Marshal(result)
		fmt.Println(string(out))
	}
}

func put(sess *session.Session, service *kms.KMS, keyArn string, asked request) error {
	input := &s3.PutObjectInput{Bucket: aws.String("mail"), Key: &asked.Key, Body: bytes.NewReader(asked.Body)}
	context := s3crypto.MaterialDescription{
		"aws:ses:message-id":     &asked.Key,
		"aws:ses:rule-name":      aws.String("store"),
		"aws:ses:source-account": aws.String("111122223333"),
	}
	if asked.Format == "v2 kms+context gcm" {
		builder := s3crypto.AESGCMContentCipherBuilderV2(s3crypto.NewKMSContextKeyGenerator(service, keyArn, context))
		client, err := s3crypto.NewEncryptionClientV2(sess, builder, func(options *s3crypto.EncryptionClientOptions) {
			if asked.Instruction {
				options.SaveStrategy = s3crypto.S3SaveStrategy{Client: s3.New(sess)}
			}
		})
		if err != nil {
			return err
		}
		_, err = client.PutObject(input)
		return err
	}
	generator := s3crypto.NewKMSKeyGeneratorWithMatDesc(service, keyArn, context)
	builder := s3crypto.AESGCMContentCipherBuilder(generator)
	if asked.Format == "v2 kms cbc" {
		builder = s3crypto.AESCBCContentCipherBuilder(generator, s3crypto.AESCBCPadder)
	}
	client := s3crypto.NewEncryptionClient(sess, builder, func(client *s3crypto.EncryptionClient) {
		if asked.Instruction {
			client.SaveStrategy = s3crypto.S3SaveStrategy{Client: s3.New(sess)}
		}
	})
	_, err := client.PutObject(input)
	return err
}

func get(sess *session.Session, service *kms.KMS, asked request) ([]byte, error) {
	registry := s3crypto.NewCryptoRegistry()
	for _, register := range []func() error{
		func() error { return s3crypto.RegisterAESGCMContentCipher(registry) },
		func() error { return s3crypto.RegisterAESCBCContentCipher(registry, s3crypto.AESCBCPadder) },
		func() error { return s3crypto.RegisterKMSWrapWithAnyCMK(registry, service) },
		func() error { return s3crypto.RegisterKMSContextWrapWithAnyCMK(registry, service) },
	} {
		if err := register(); err != nil {
			return nil, err
		}
	}
	client, err := s3crypto.NewDecryptionClientV2(sess, registry, func(options *s3crypto.DecryptionClientOptions) {
		if asked.Instruction {
			options.LoadStrategy = s3crypto.S3LoadStrategy{Client: s3.New(sess)}
		}
	})
	if err != nil {
		return nil, err
	}
	output, err := client.GetObject(&s3.GetObjectInput{Bucket: aws.String("mail"), Key: &asked.Key})
	if err != nil {
		return nil, err
	}
	defer output.Body.Close()
	return io.ReadAll(output.Body)
}
