// Runs FILE.onnx on raw float32 pictures and writes every output as raw float32 into OUTDIR/<i>.f32, with index.json.
// usage: node run_onnxruntime.js FILE.onnx INPUT.f32 N C H W OUTDIR     (npm package onnxruntime-node, found by NODE_PATH)
const fs = require('fs');
const ort = require('onnxruntime-node');
(async () => {
  const [file, input, n, c, h, w, out] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(file, { graphOptimizationLevel: 'disabled' });
  const bytes = fs.readFileSync(input);
  const count = n * c * h * w;
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + 4 * count));
  const result = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', data, [+n, +c, +h, +w]) });
  const index = session.outputNames.map((name, i) => {
    const t = result[name];
    fs.writeFileSync(`${out}/${i}.f32`, Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength));
    return { name, dims: t.dims };
  });
  fs.writeFileSync(`${out}/index.json`, JSON.stringify(index));
})();
