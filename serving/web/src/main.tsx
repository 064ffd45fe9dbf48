import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import "./styles.css";

// Without it (an address that is neither https nor this machine) the console works, but does not open without a network.
if ("serviceWorker" in navigator && import.meta.env.PROD) void navigator.serviceWorker.register("/console/sw.js");

createRoot(document.getElementById("root")!).render(<App />);
