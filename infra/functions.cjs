// osls reads no TypeScript: this is `functions:` of serverless.yml.
module.exports = async ({ resolveVariable }) => {
  const { loadDeployment } = await import("./load-deployment.ts");
  const { serverlessFunctions } = await import("./functions.ts");
  return serverlessFunctions(
    await loadDeployment(
      await resolveVariable("sls:stage"),
      await resolveVariable("env:MAILWEIR_CONFIG, 'mailweir.config.ts'"),
    ),
  );
};
