// osls reads no TypeScript: this is `provider.region` of serverless.yml, which the configuration names.
module.exports = async ({ resolveVariable }) => {
  const { loadDeployment } = await import("./load-deployment.ts");
  const { config } = await loadDeployment(
    await resolveVariable("sls:stage"),
    await resolveVariable("env:MAILWEIR_CONFIG, 'mailweir.config.ts'"),
  );
  return config.region;
};
