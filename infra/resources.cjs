// osls reads no TypeScript: this is `resources:` of serverless.yml.
module.exports = async ({ resolveVariable }) => {
  const { loadDeployment } = await import("./load-deployment.ts");
  const { templateOf } = await import("./resources.ts");
  return templateOf(
    await loadDeployment(
      await resolveVariable("sls:stage"),
      await resolveVariable("env:MAILWEIR_CONFIG, 'mailweir.config.ts'"),
    ),
  );
};
