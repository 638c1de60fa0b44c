// Scores one applicant: node score.js ADDRESS APPLICANT_ID, and prints the answer as JSON.
//
// The contract comes from the server by reflection, so nothing is generated. CA=FILE turns on TLS.
'use strict';

const fs = require('node:fs');
const grpc = require('@grpc/grpc-js');
const { GrpcReflection } = require('grpc-js-reflection-client');

const SERVICE = 'counterfoil.scorer.v1.ScorerService';
const DEADLINE_MS = 2000;
// The request_id makes a repeated call return the recorded answer, so that it may be retried.
const SERVICE_CONFIG = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [{
    name: [{ service: SERVICE, method: 'Score' }],
    retryPolicy: {
      maxAttempts: 4,
      initialBackoff: '0.1s',
      maxBackoff: '1s',
      backoffMultiplier: 2,
      retryableStatusCodes: ['UNAVAILABLE'],
    },
  }],
});

function credentials() {
  return process.env.CA ? grpc.credentials.createSsl(fs.readFileSync(process.env.CA)) : grpc.credentials.createInsecure();
}

async function scorer(address) {
  const reflection = new GrpcReflection(address, credentials());
  const descriptor = await reflection.getDescriptorBySymbol(SERVICE);
  const contract = descriptor.getPackageObject({ enums: String, longs: String, keepCase: true });
  return new contract.counterfoil.scorer.v1.ScorerService(address, credentials(), { 'grpc.service_config': SERVICE_CONFIG });
}

function score(client, request) {
  return new Promise((resolve, reject) => {
    client.Score(request, { deadline: Date.now() + DEADLINE_MS }, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

async function main([address, applicantId]) {
  const client = await scorer(address);
  const request = { request_id: crypto.randomUUID(), purpose: 'PURPOSE_TEST', subject: { applicant_id: applicantId } };
  const answer = await score(client, request);
  console.log(JSON.stringify({
    prediction: answer.prediction,
    probability: answer.probability,
    decision: answer.decision,
    reasons: answer.reasons.principal_texts,
  }));
  client.close();
}

main(process.argv.slice(2)).then(() => process.exit(0), (error) => {
  console.error(error.message);
  process.exit(1);
});
