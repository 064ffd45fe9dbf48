// Which camera's view of a layer is shown.
import { useEffect, useState } from "react";
import { read, type Shape } from "../api.ts";
import { useLoaded } from "../use-loaded.ts";

type View = Shape<"LayerView">;

interface Views {
  views: View[];
  /** The camera that is shown; null is the one that the layer was graded by. */
  camera: string | null;
  choose: (view: View | undefined) => void;
}

/** The cameras that saw a layer, and the one that is chosen for it. */
export function useViews(load: string, version: number, layer: number): Views {
  const params = { load_id: load, index: layer };
  const { value } = useLoaded(`views ${load} ${version} ${layer}`, () => read("/v1/loads/{load_id}/layers/{index}/views", params, { version }));
  const [camera, setCamera] = useState<string | null>(null);
  useEffect(() => setCamera(null), [load, layer]);
  return { views: value?.views ?? [], camera, choose: (view) => view && setCamera(view.is_key ? null : view.camera) };
}
