//! The float model run by tract: an implementation that shares nothing with the importer.

use std::path::{Path, PathBuf};

use firebrick_network::Normalise;
use ndarray::Array3;
use tract_onnx::prelude::*;

use crate::args::Size;
use crate::error::CliError;

const HINT: &str = "leave the feature \"tract\" out to use the importer's own float network";

/// An ONNX model, ready to run.
pub struct Runner {
    model: TypedRunnableModel<TypedModel>,
    normalise: Normalise,
    path: PathBuf,
}

impl Runner {
    pub fn open(path: &Path, size: Size, normalise: Normalise) -> Result<Runner, CliError> {
        let shape = [1, 3, size.height, size.width];
        let model = tract_onnx::onnx()
            .model_for_path(path)
            .and_then(|model| model.with_input_fact(0, f32::fact(shape).into()))
            .and_then(|model| model.into_optimized())
            .and_then(|model| model.into_runnable())
            .map_err(|e| CliError::file(path, format!("tract: {e}"), HINT))?;
        Ok(Runner {
            model,
            normalise,
            path: path.to_owned(),
        })
    }

    /// Scores of all classes; probabilities if the model ends with a Softmax.
    pub fn scores(&self, picture: &Array3<u8>) -> Result<Vec<f64>, CliError> {
        let (height, width, _) = picture.dim();
        let Normalise { mean, std } = self.normalise;
        let mut values = Vec::with_capacity(picture.len());
        for c in 0..3 {
            for y in 0..height {
                let row = (0..width).map(|x| f32::from(picture[(y, x, c)]));
                values.extend(row.map(|v| (v - mean[c]) / std[c]));
            }
        }
        let fail = |e: TractError| CliError::file(&self.path, format!("tract: {e}"), HINT);
        let input = Tensor::from_shape(&[1, 3, height, width], &values).map_err(fail)?;
        let outputs = self.model.run(tvec!(input.into())).map_err(fail)?;
        let scores = outputs[0].as_slice::<f32>().map_err(fail)?;
        Ok(scores.iter().copied().map(f64::from).collect())
    }
}
